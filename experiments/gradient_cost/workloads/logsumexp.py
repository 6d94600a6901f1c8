"""The logarithm of a sum of exponentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.workload import Array, Operands, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass
class LogSumExp(Workload):
    """log(sum_i exp(x_i)) of n numbers, computed with the largest subtracted (gradbench, evals/lse).

    It is made of max, exp, sum and log, as gradbench demands, so that these are what is differentiated.
    """

    name: ClassVar[str] = "logsumexp"
    title: ClassVar[str] = "log-sum-exp"
    size_is: ClassVar[str] = "numbers"

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        return Operands(tensors(dtype, generator(size, seed).standard_normal(size)))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        return logsumexp(parameters[0], axis=0)

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        return reference_logsumexp(parameters[0], axis=0)

    def elements(self, size: int) -> int:
        return 8 * size


def logsumexp(x: tf.Tensor, axis: int) -> tf.Tensor:
    """Return log(sum(exp(x))) along an axis, in TensorFlow."""
    tf = import_tensorflow()
    largest = tf.reduce_max(x, axis=axis, keepdims=True)
    return tf.squeeze(largest, axis) + tf.math.log(tf.reduce_sum(tf.exp(x - largest), axis=axis))


def reference_logsumexp(x: Array, axis: int) -> Any:
    """Return log(sum(exp(x))) along an axis, in NumPy; for complex numbers the largest real part is subtracted."""
    shift = x.real.max(axis=axis, keepdims=True)
    return shift.squeeze(axis) + np.log(np.exp(x - shift).sum(axis=axis))
