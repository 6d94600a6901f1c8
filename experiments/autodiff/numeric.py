"""Numeric derivatives, from values of the function alone: the complex step and finite differences."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import in_numpy
from experiments.autodiff.derivative import Array, Direction, Entry
from experiments.autodiff.expression import Expression

COMPLEX_STEP = 1e-200
"""The default step. It can be this small because nothing is subtracted."""


Move = tuple[Direction, complex]
"""A direction, and the distance to go along it."""


@dataclass(frozen=True)
class Estimate:
    """A derivative found numerically, and a bound of its error."""

    value: float
    error: float


class Slopes:
    """Values and slopes of an expression near a point, computed by NumPy."""

    def __init__(self, expression: Expression, values: Mapping[str, Array]) -> None:
        self._expression, self._values = expression, values

    def estimate(self, entry: Entry) -> Estimate:
        """A first derivative by the complex step, or a second one by Richardson extrapolation of complex steps."""
        first, *others = entry.directions
        if not others:
            value = self.complex_step(entry.output, first)
            return Estimate(value, 4 * float(np.spacing(abs(value))))
        (second,) = others
        return self.richardson(
            entry.output, second, lambda step: self.complex_step(entry.output, first, [(second, step)])
        )

    def complex_step(
        self, output: int, direction: Direction, moved: Sequence[Move] = (), step: float = COMPLEX_STEP
    ) -> float:
        """Im f(x + i h d) / h, where x is the point after the moves ``moved``.

        Exact up to rounding for functions that are analytic there (W. Squire, G. Trapp, SIAM Rev. 40(1), 1998).
        """
        value = self._at("complex128", output, [*moved, (direction, step * 1j)])
        return float(value.imag / step)

    def richardson(
        self, output: int, direction: Direction, function: Callable[[float], float] | None = None
    ) -> Estimate:
        """The slope along a direction: central differences, extrapolated to step zero by scipy.differentiate.

        The slope is that of ``function(distance)``, by default the expression's element ``output`` at that distance.
        """
        from scipy.differentiate import derivative

        along = function or (lambda step: self.value("float64", output, [(direction, step)]))
        with np.errstate(all="ignore"):
            found = derivative(np.vectorize(along, otypes=[float]), 0.0, initial_step=self._first_step(direction))
        return Estimate(float(found.df), float(found.error))

    def agrees(self, entry: Entry) -> bool:
        """Whether the complex step and central differences give the same first derivative; at a kink they do not.

        However small the slope is: what curvature adds to a difference shrinks with the step, what a kink adds stays.
        """
        (direction,) = entry.directions
        exact, size = self.complex_step(entry.output, direction), abs(self.value("float64", entry.output, []))

        def off(step: float) -> float:
            """How far the difference quotient is off beyond its rounding errors."""
            rough = self.difference("float64", entry, step, centred=True)
            return abs(exact - rough) - size * 2.0**-48 / step

        step = 1e-5 * self._first_step(direction)
        return (far := off(step)) <= 1e-4 * abs(exact) or off(step / 10) <= 0.2 * far  # both false for NaN

    def difference(self, dtype: str, entry: Entry, step: float, centred: bool) -> float:
        """The difference quotient of an entry of any order, with every operation rounded to ``dtype``."""
        shift = -0.5 if centred else 0.0
        total = 0.0
        for taken in itertools.product((0, 1), repeat=len(entry.directions)):
            moves = [(direction, (one + shift) * step) for direction, one in zip(entry.directions, taken, strict=True)]
            total += (-1) ** (len(taken) - sum(taken)) * self.value(dtype, entry.output, moves)
        return total / step ** len(entry.directions)

    def values(self) -> list[float]:
        """All elements of the value at the point, in float64."""
        point = {name: value[()] for name, value in self._values.items()}
        with np.errstate(all="ignore"):
            found = np.ravel(in_numpy("float64").evaluate(self._expression, point))
        return [float(value) for value in found]

    def value(self, dtype: str, output: int, moves: Sequence[Move]) -> float:
        """An element of the value after ``moves`` from the point, with every operation rounded to ``dtype``."""
        return float(np.real(self._at(dtype, output, moves)))

    def _first_step(self, direction: Direction) -> float:
        """Half of the smallest value that changes, and at most a half: most domains end at zero."""
        sizes = [
            abs(value)
            for name, tangent in direction.items()
            for value in np.ravel(self._values[name])[np.ravel(tangent) != 0]
            if value
        ]
        return float(min([1.0, *sizes]) / 2)

    def _at(self, dtype: str, output: int, moves: Sequence[Move]) -> Any:
        point: dict[str, Any] = dict(self._values)
        for direction, step in moves:
            for name, tangent in direction.items():
                point[name] = point[name] + step * tangent
        with np.errstate(all="ignore"):
            rounded = {name: np.asarray(value).astype(dtype)[()] for name, value in point.items()}
            return np.ravel(in_numpy(dtype).evaluate(self._expression, rounded))[output]
