"""Fitting a polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.workload import Array, Operands, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import require_at_least

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass
class LeastSquares(Workload):
    """Half the sum of squared residuals of a polynomial with m coefficients at n points of the sign function.

    gradbench, evals/llsq, after cmpad's llsq_obj: sum_i (s_i - sum_j x_j t_i^j)^2 / 2 with t_i from -1 to 1 and
    s_i = sign(t_i). Parameters: x [m]; data: t [n] and s [n]. The powers are computed at each call.
    """

    name: ClassVar[str] = "least_squares"
    title: ClassVar[str] = "least squares"
    size_is: ClassVar[str] = "points"
    smallest: ClassVar[int] = 2

    m: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "m", 1)

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        t = np.linspace(-1.0, 1.0, size)
        return Operands(tensors(dtype, generator(size, seed).standard_normal(self.m)), tensors(dtype, t, np.sign(t)))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        (x,), (t, s) = parameters, data
        powers = tf.pow(t[:, None], tf.range(self.m, dtype=t.dtype)[None, :])
        return 0.5 * tf.reduce_sum(tf.square(s - tf.linalg.matvec(powers, x)))

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        (x,), (t, s) = parameters, data
        polynomial = np.zeros_like(t)
        for coefficient in x[::-1]:
            polynomial = polynomial * t + coefficient
        return ((s - polynomial) ** 2).sum() / 2

    def elements(self, size: int) -> int:
        return 4 * size * self.m
