"""The size of the terms that a first derivative adds up; where they cancel, rounding errors of their size remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import Arithmetic, in_numpy
from experiments.autodiff.derivative import Array, Direction
from experiments.autodiff.expression import Call, Expression, Number
from experiments.autodiff.numeric import COMPLEX_STEP

Dual = tuple[Any, Any]
"""A value, and the sum of the absolute values of all terms of its derivative."""


def size_of_terms(expression: Expression, values: Mapping[str, Array], direction: Direction) -> Array:
    """The chain rule with the absolute value of every partial derivative: one number for each output.

    x - x has the derivative 0, whose terms have the size 2. The partial derivatives of elementwise functions are found
    by the complex step.
    """
    point = {name: (value[()], np.abs(direction.get(name, 0 * value))[()]) for name, value in values.items()}
    with np.errstate(all="ignore"):
        _, sizes = _Terms(_constant, in_numpy("complex128").operations).evaluate(expression, point)
    found: Array = np.ravel(sizes).astype(float)
    return found


class _Terms(Arithmetic):
    """The arithmetic of :data:`Dual` numbers."""

    def call(self, node: Call, arguments: list[Dual]) -> Dual:
        values = [value for value, _ in arguments]
        value = self.operations[node.function](*map(_complex, values))
        if node.function in _REDUCTIONS:
            sizes = _REDUCTIONS[node.function](*(np.abs(part) for argument in arguments for part in argument))
        else:
            sizes = sum(self._partial(node.function, values, i) * size for i, (_, size) in enumerate(arguments))
        return np.real(value), sizes

    def _partial(self, function: str, values: list[Any], number: int) -> Any:
        moved = [_complex(value) + (COMPLEX_STEP * 1j if i == number else 0) for i, value in enumerate(values)]
        return np.abs(np.imag(self.operations[function](*moved)) / COMPLEX_STEP)


def _constant(number: Number) -> Dual:
    return np.float64(float(number.value)), np.float64(0.0)


def _complex(value: Any) -> Any:
    return np.asarray(value).astype(complex)[()]


def _of_norm(value: Any, size: Any) -> Any:
    return np.sum(value * size) / np.sqrt(np.sum(value**2))


_REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "dot": lambda a, of_a, b, of_b: np.dot(of_a, b) + np.dot(a, of_b),
    "logsumexp": lambda value, size: np.max(size),
    "mean": lambda value, size: np.mean(size),
    "norm": _of_norm,
    "sum": lambda value, size: np.sum(size),
    "transpose": lambda value, size: np.transpose(size),
}
"""The functions that do not work element by element, on sizes of terms."""
