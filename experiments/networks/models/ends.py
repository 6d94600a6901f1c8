"""How every model begins and ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.networks.data import Data

BATCH = 4096
"""So many examples at a time, to spare memory."""


def begin(data: Data) -> tuple[Any, Any]:
    """The raw input, and the same normalised to mean 0 and variance 1 over the training examples.

    Each feature by itself; of images each channel by itself, as one pixel is at other places the next time.
    """
    import keras

    raw = keras.Input(data.input_shape, name="raw")
    mean, deviation = _mean_and_deviation(data.train.x)
    scale, offset = 1 / deviation, -mean / deviation
    # Not Keras' Normalization: tf2onnx makes its constants inputs that somebody would have to give.
    normalised = keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype=_full(), name="normalised")
    return raw, normalised(raw)


def end(data: Data, raw: Any, features: Any, name: str, kernel_regularizer: Any = None) -> Any:
    """The model from ``raw`` to logits, or to targets in their own units, linear in ``features`` [n, width]."""
    import keras

    logits = keras.layers.Dense(data.outputs, kernel_regularizer=kernel_regularizer, dtype=_full(), name="logits")
    outputs = logits(features)
    if data.task == "regression":
        mean, deviation = _mean_and_deviation(data.train.y[:, None])
        targets = keras.layers.Rescaling(deviation.tolist(), mean.tolist(), dtype=_full(), name="targets")
        outputs = targets(outputs)
    return keras.Model(raw, outputs, name=name)


def _full() -> str:
    """The type of the ends also in mixed precision: 16 bits cannot tell the year 2000 from 2005."""
    import keras

    variable_dtype: str = keras.config.dtype_policy().variable_dtype
    return variable_dtype


def _mean_and_deviation(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Along the last axis; what does not vary has the standard deviation 1."""
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import gen_batches

    scaler = StandardScaler()
    for batch in gen_batches(len(x), BATCH):
        scaler.partial_fit(x[batch].reshape(-1, x.shape[-1]).astype(np.float64))
    return scaler.mean_, scaler.scale_
