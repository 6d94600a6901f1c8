"""The first and last layers, which all models share."""

from __future__ import annotations

from typing import Any

from experiments.networks.data import Data
from experiments.networks.standardisation import Float64s

STANDARDISED = "logits"
"""The last layer of the network proper: logits, or the targets in deviations from their mean."""


def begin(data: Data) -> tuple[Any, Any]:
    """The raw input, and the input normalised to mean 0 and variance 1 over the training examples.

    Features are normalised one by one; images by channel, as objects may be at any place in them. Inputs that need
    float64 are normalised in it: the next layer gets deviations, which it can take in its own dtype.
    """
    import keras

    dtype, known = data.input_dtype, data.input_moments
    raw = keras.Input(data.input_shape, dtype=dtype, name="raw")
    return raw, _rescaling(1 / known.unit, -known.mean / known.unit, dtype, "normalised")(raw)


def end(data: Data, raw: Any, features: Any, name: str, kernel_regularizer: Any = None) -> Any:
    """The model from ``raw`` to logits, or to targets in their own unit; a linear layer on ``features`` [n, width]."""
    import keras

    logits = keras.layers.Dense(
        data.outputs, kernel_regularizer=kernel_regularizer, dtype=_at_least("float32"), name=STANDARDISED
    )
    outputs = logits(features)
    if data.task == "regression":
        known = data.target_moments
        outputs = _rescaling(known.unit, known.mean, known.dtype, "targets")(outputs)
    return keras.Model(raw, outputs, name=name)


def without_unit(model: Any) -> Any:
    """The part of a model from :func:`end` that learns, with the same layers: its outputs have no unit.

    It ends with the logits, or with the targets in deviations from their mean, so that neither loss nor gradients
    depend on the unit in which the targets are given. A classifier from elsewhere has no such layer, and no unit.
    """
    import keras

    if STANDARDISED not in (layer.name for layer in model.layers):
        return model
    outputs = model.get_layer(STANDARDISED).output
    return model if outputs is model.outputs[0] else keras.Model(model.inputs[0], outputs, name=model.name)


def _rescaling(scale: Float64s, offset: Float64s, dtype: str, name: str) -> Any:
    """The layer x * scale + offset. Not Keras' Normalization, of whose constants tf2onnx makes inputs."""
    import keras

    dtype = _at_least(dtype)
    if dtype == "float64":
        return keras.layers.Rescaling(scale, offset, dtype=dtype, name=name)  # of a list Keras would make float32
    return keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype=dtype, name=name)


def _at_least(dtype: str) -> str:
    """``dtype`` or the dtype of variables, if that is larger: in mixed precision 16 bits do not hold the year 2005."""
    import keras

    variable_dtype: str = keras.config.dtype_policy().variable_dtype
    return "float64" if dtype == "float64" else variable_dtype
