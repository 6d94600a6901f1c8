"""What the function does on each side of the point: the difference quotients there, with hundreds of digits.

This is how kinks, jumps and edges are told apart from plain points, whatever the expression is made of.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import Arithmetic, in_mpmath
from experiments.autodiff.derivative import Array, Direction, Entry
from experiments.autodiff.expression import Expression

STEPS = (30, 40)
"""Two steps, as negative powers of ten: a quotient that is not the same for both has no limit."""

AGREEMENT = 1e-12
"""Relative: quotients of a smooth function differ by about the step, those of x**1.5 at 0 by its root."""

SMALLEST_SLOPE = 1e-6
"""Slopes below are compared with this: at a slope of zero, quotients differ by what the step leaves."""

SMALLEST_JUMP = 1e-12
"""Of a function's value over a step of 1e-40; a logarithm moves by more only where it has no value."""

STAYS = 0.9
"""Share of a jump that is left when the step shrinks from 1e-30 to 1e-40; a steep root such as x**0.1 loses more."""

PLAIN, KINK, JUMP, EDGE, STEEP, UNDEFINED = (
    "", "kink", "jump", "edge of the domain", "infinite slope", "undefined"
)  # fmt: skip
"""What a point can be; the empty word is a point like any other."""


@dataclass(frozen=True)
class Side:
    """The one-sided derivative, as mpmath's number; NaN without a value there, infinite without a limit."""

    slope: Any
    uncertainty: Any
    """By how much the slope changes from one step to the other: 1e-20 for x**1.5 at 0."""
    jumps: bool


@dataclass(frozen=True)
class Surroundings:
    """Both sides of the point, along the directions of one entry."""

    below: Side
    above: Side
    is_defined: bool
    """Whether the function has a value at the point itself."""

    @property
    def kind(self) -> str:
        """One of :data:`PLAIN`, :data:`KINK`, ..."""
        import mpmath

        slopes = [self.below.slope, self.above.slope]
        if not self.is_defined:
            return UNDEFINED
        if self.below.jumps or self.above.jumps:
            return JUMP
        if all(map(mpmath.isnan, slopes)):
            return UNDEFINED
        if any(map(mpmath.isinf, slopes)):
            return STEEP
        if any(map(mpmath.isnan, slopes)):
            return EDGE
        return PLAIN if _agree(*slopes) else KINK

    @property
    def slope(self) -> Any:
        """The derivative at a plain point; at an edge, that of the side that there is."""
        slopes = [side.slope for side in self._sides]
        return sum(slopes) / len(slopes)

    @property
    def uncertainty(self) -> float:
        """Of the slope."""
        return float(max(side.uncertainty for side in self._sides))

    @property
    def _sides(self) -> list[Side]:
        return [side for side in (self.below, self.above) if side.slope == side.slope]  # NaN is not


class Neighbourhood:
    """Evaluates an expression around a point, at a precision that survives tiny steps."""

    def __init__(self, expression: Expression, values: Mapping[str, Array], order: int) -> None:
        self._expression, self._values = expression, values
        self._digits = 60 + (max(STEPS) + 20) * order

    def around(self, entry: Entry) -> Surroundings:
        """What an entry's directions meet on both sides."""
        import mpmath

        with mpmath.workdps(self._digits):
            arithmetic = in_mpmath()
            here = self._at(arithmetic, entry, [])
            return Surroundings(
                self._side(arithmetic, entry, -1, here), self._side(arithmetic, entry, 1, here), mpmath.isfinite(here)
            )

    def _side(self, arithmetic: Arithmetic, entry: Entry, sign: int, here: Any) -> Side:
        import mpmath

        scale = self._scale(entry.directions)
        steps = [sign * scale * mpmath.mpf(10) ** -power for power in STEPS]
        coarse, fine = (self._quotient(arithmetic, entry, step) for step in steps)
        far, near = (
            abs(self._at(arithmetic, entry, [(direction, step) for direction in entry.directions[:1]]) - here)
            for step in steps
        )
        jumps = bool(near > SMALLEST_JUMP * max(1, abs(here)) and near > STAYS * far)
        grows = not _agree(coarse, fine) and abs(fine) > abs(coarse)  # NaN does not
        return Side(mpmath.inf * mpmath.sign(fine) if grows else fine, abs(fine - coarse), jumps)

    def _quotient(self, arithmetic: Arithmetic, entry: Entry, step: Any) -> Any:
        """The mixed difference quotient: every direction is gone along, or not."""
        total = 0
        for taken in itertools.product((0, 1), repeat=len(entry.directions)):
            moves = [(direction, step) for direction, one in zip(entry.directions, taken, strict=True) if one]
            total += (-1) ** (len(taken) - len(moves)) * self._at(arithmetic, entry, moves)
        return total / step ** len(entry.directions)

    def _at(self, arithmetic: Arithmetic, entry: Entry, moves: Sequence[tuple[Direction, Any]]) -> Any:
        """The entry's element of the value, that far from the point."""
        import mpmath

        exact = np.frompyfunc(lambda x: mpmath.mpf(float(x)), 1, 1)
        point = {name: exact(value) for name, value in self._values.items()}
        for direction, step in moves:
            for name, changes in direction.items():
                point[name] = point[name] + exact(changes) * step
        return np.ravel(np.asarray(arithmetic.evaluate(self._expression, point), dtype=object))[entry.output]

    def _scale(self, directions: Sequence[Direction]) -> float:
        """How large a step of size one is: relative to what moves."""
        sizes = [
            abs(value)
            for direction in directions
            for name, changes in direction.items()
            for value, change in zip(np.ravel(self._values[name]), np.ravel(changes), strict=True)
            if change and value
        ]
        return min(sizes, default=1.0)


def _agree(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= AGREEMENT * max(SMALLEST_SLOPE, abs(a), abs(b)))
