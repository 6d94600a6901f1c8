"""A saddle point by nested gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.workload import Array, Operands, Tensor, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import require_at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf


@dataclass
class Saddle(Workload):
    """The squared distance from the saddle point of |x|^2 - |y|^2 at which a nested descent from s ends.

    gradbench, evals/saddle, after Pearlmutter and Siskind, Using programming language theory to make automatic
    differentiation sound and efficient, AD 2008: min_x max_y f with f(x, y) = |x|^2 - |y|^2. Each step of the descent
    in x differentiates max_y f, which is found by an ascent in y that differentiates f; at the end, y is found for
    the last x. All descents start at s.

    The published form stops by tolerances and adapts its step, so that its result is no smooth function of s. Here
    each descent takes ``steps`` steps of ``step_size``, and as published a step is accepted only where f improves.
    The dimension is n instead of 2. The function is |x|^2 + |y|^2 at the points reached. Its gradient by s adds a
    third level of differentiation to the published two, all in reverse mode.
    """

    name: ClassVar[str] = "saddle"
    title: ClassVar[str] = "saddle point"
    size_is: ClassVar[str] = "dimensions"

    steps: int = 3
    step_size: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "steps", 1)
        require_at_least(self, "step_size", 0)

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        return Operands(tensors(dtype, generator(size, seed).uniform(0.5, 1.5, size)))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        (start,) = parameters

        def f(x: Tensor, y: Tensor) -> Tensor:
            return tf.reduce_sum(tf.square(x)) - tf.reduce_sum(tf.square(y))

        def maximum(x: Tensor) -> tuple[Tensor, Tensor]:
            y, negative = self._minimum(lambda y: -f(x, y), start)
            return y, -negative

        x, _ = self._minimum(lambda x: maximum(x)[1], start)
        y, _ = maximum(x)
        return tf.reduce_sum(tf.square(x)) + tf.reduce_sum(tf.square(y))

    def _minimum(self, f: Callable[[tf.Tensor], tf.Tensor], start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the point where the descent from ``start`` ends, and ``f`` there."""
        tf = import_tensorflow()
        x, step_size = start, tf.constant(self.step_size, start.dtype)
        value, slope = _value_and_gradient(f, x)
        for _ in range(self.steps):
            tried = x - step_size * slope
            tried_value, tried_slope = _value_and_gradient(f, tried)
            better = tried_value < value
            x, value = tf.where(better, tried, x), tf.where(better, tried_value, value)
            slope = tf.where(better, tried_slope, slope)
        return x, value

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        """Compute with derivatives in closed form: 2x and -2y for f, and 2x for max_y f."""
        (start,) = parameters

        def highest(x: Array) -> tuple[Array, Any]:
            y = start
            for _ in range(self.steps):
                tried = y - self.step_size * 2 * y
                y = tried if (tried**2).sum().real < (y**2).sum().real else y
            return y, (x**2).sum() - (y**2).sum()

        x = start
        for _ in range(self.steps):
            tried = x - self.step_size * 2 * x
            x = tried if np.real(highest(tried)[1]) < np.real(highest(x)[1]) else x
        y, _ = highest(x)
        return (x**2).sum() + (y**2).sum()

    def elements(self, size: int) -> int:
        return 40 * size * (self.steps + 2) ** 2


def _value_and_gradient(f: Callable[[tf.Tensor], tf.Tensor], at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    tf = import_tensorflow()
    at = tf.identity(at)  # both descents start at one tensor: a derivative by x must not include the start of y
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        value = f(at)
    return value, tape.gradient(value, at)
