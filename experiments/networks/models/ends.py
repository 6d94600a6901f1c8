"""The first and last layers, which all models share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.networks.data import Data

BATCH = 4096
"""Examples whose mean and variance are computed at a time, to save memory."""


def begin(data: Data) -> tuple[Any, Any]:
    """The raw input, and the input normalised to mean 0 and variance 1 over the training examples.

    Features are normalised one by one; images by channel, as objects may be at any place in them.
    """
    import keras

    raw = keras.Input(data.input_shape, name="raw")
    mean, deviation = _mean_and_deviation(data.train.x)
    scale, offset = 1 / deviation, -mean / deviation
    # Not Keras' Normalization: tf2onnx turns its constants into inputs, which callers would have to provide.
    normalised = keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype=_full(), name="normalised")
    return raw, normalised(raw)


def end(data: Data, raw: Any, features: Any, name: str, kernel_regularizer: Any = None) -> Any:
    """The model from ``raw`` to logits, or to targets in their own units; a linear layer on ``features`` [n, width]."""
    import keras

    logits = keras.layers.Dense(data.outputs, kernel_regularizer=kernel_regularizer, dtype=_full(), name="logits")
    outputs = logits(features)
    if data.task == "regression":
        mean, deviation = _mean_and_deviation(data.train.y[:, None])
        targets = keras.layers.Rescaling(deviation.tolist(), mean.tolist(), dtype=_full(), name="targets")
        outputs = targets(outputs)
    return keras.Model(raw, outputs, name=name)


def _full() -> str:
    """The dtype of the first and last layers, in mixed precision too: 16 bits cannot tell the year 2000 from 2005."""
    import keras

    variable_dtype: str = keras.config.dtype_policy().variable_dtype
    return variable_dtype


def _mean_and_deviation(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation for each index of the last axis; the deviation is 1 where nothing varies."""
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import gen_batches

    scaler = StandardScaler()
    for batch in gen_batches(len(x), BATCH):
        scaler.partial_fit(x[batch].reshape(-1, x.shape[-1]).astype(np.float64))
    return scaler.mean_, scaler.scale_
