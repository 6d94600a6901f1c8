"""The first and last layers, which all models share."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.networks.data import Data
from experiments.networks.standardisation import Float64s, Moments

STANDARDISED = "logits"
"""The last layer of the network proper: logits, or the targets in deviations from their mean."""

TARGETS = "targets"
"""The layer behind it that goes back to the targets' own unit."""


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
        outputs = _to_unit(data.target_moments)(outputs)
    return keras.Model(raw, outputs, name=name)


def has_unit(model: Any) -> bool:
    """Whether a model ends as a regression from :func:`end` does: a linear layer, and behind it the targets' unit."""
    import keras

    layers = {layer.name: layer for layer in model.layers}
    learnt, targets = layers.get(STANDARDISED), layers.get(TARGETS)
    return (
        isinstance(learnt, keras.layers.Dense)
        and isinstance(targets, keras.layers.Rescaling)
        and learnt.activation is keras.activations.linear
        and targets.input is learnt.output
        and targets.output is model.outputs[0]
    )


def in_unit_of(data: Data, model: Any) -> Any:
    """A model that :func:`has_unit`, with the layer to the targets' unit of other data.

    Its last weights are converted, so that it says what it said before, and now learns targets in these deviations.
    """
    import keras

    learnt, targets, known = model.get_layer(STANDARDISED), model.get_layer(TARGETS), data.target_moments
    scale, offset = (np.asarray(number, np.float64) for number in (targets.scale, targets.offset))
    kernel, bias = (np.asarray(values, np.float64) for values in learnt.get_weights())
    learnt.set_weights([kernel * scale / known.unit, (bias * scale + offset - known.mean) / known.unit])
    return keras.Model(model.inputs[0], _to_unit(known)(learnt.output), name=model.name)


def without_unit(model: Any) -> Any:
    """The part of a model that learns, with the same layers: of a regression from :func:`end` its outputs have no unit.

    It ends with the logits, or with the targets in deviations from their mean, so that neither loss nor gradients
    depend on the unit in which the targets are given.
    """
    import keras

    if not has_unit(model):
        return model
    return keras.Model(model.inputs[0], model.get_layer(STANDARDISED).output, name=model.name)


def _to_unit(known: Moments) -> Any:
    return _rescaling(known.unit, known.mean, known.dtype, TARGETS)


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
