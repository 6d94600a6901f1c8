"""A model's outputs, computed in the same way from every format, and compared bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.networks.saving.arrays import Array, Arrays


def outputs(model: Callable[..., Any], inputs: Arrays) -> list[Array]:
    """Return the model's outputs at inference as a flat list.

    They are computed in a graph for batches of any size, because a SavedModel is such a graph. TensorFlow's graphs
    fuse operations (a product, its bias and its activation) that eager execution rounds one by one; compared with
    eager execution, one bit in a million would differ although nothing was lost.
    """
    import keras
    import tensorflow as tf

    graph = tf.function(lambda given: model(given, training=False), input_signature=[_signature(inputs)])
    return [_array(output) for output in keras.tree.flatten(graph(_tensors(inputs)))]


def as_arrays(outputs: Any) -> Arrays:
    """Return a model's output as an array, or its outputs by their names; text as NumPy's text."""
    if not isinstance(outputs, Mapping):
        return _array(outputs)
    return {name: _array(output) for name, output in outputs.items()}


def _array(output: Any) -> Array:
    array = np.asarray(output)
    return np.array([text.decode() for text in array.ravel()]).reshape(array.shape) if array.dtype == object else array


def _signature(inputs: Arrays) -> Any:
    import tensorflow as tf

    if isinstance(inputs, Mapping):
        tensors = _tensors(inputs)
        return {name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for name, tensor in tensors.items()}
    return tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)


def _tensors(inputs: Arrays) -> Any:
    import tensorflow as tf

    if isinstance(inputs, Mapping):
        return {name: tf.constant(array) for name, array in inputs.items()}
    return tf.constant(inputs)


def largest_difference(original: list[Array], other: list[Array]) -> float:
    """Return the largest absolute difference; 0 if every bit is the same, NaN if the two cannot be subtracted.

    Text, which follows from numbers, counts as no difference.
    """
    if [output.shape for output in original] != [output.shape for output in other]:
        return float("nan")
    return max(map(_difference, original, other), default=0.0)


def identical(original: list[Array], other: list[Array]) -> bool:
    """Tell whether every bit of every output is the same."""
    return len(original) == len(other) and all(map(_same_bits, original, other))


def _same_bits(one: Array, other: Array) -> bool:
    return one.shape == other.shape and one.dtype.itemsize == other.dtype.itemsize and one.tobytes() == other.tobytes()


def _difference(one: Array, other: Array) -> float:
    if _same_bits(one, other) or one.dtype.kind == other.dtype.kind == "U":
        return 0.0
    try:  # a NumPy archive keeps the bits of bfloat16, but not its name
        same_kind = other.view(one.dtype) if other.dtype.kind == "V" else other
        return float(np.max(np.abs(one.astype(np.float64) - same_kind.astype(np.float64))))
    except (TypeError, ValueError):
        return float("nan")
