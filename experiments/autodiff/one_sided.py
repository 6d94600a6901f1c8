"""Find kinks, jumps and edges of the domain: difference quotients on both sides of a point, at hundreds of digits.

They tell such points from plain ones, whatever functions the expression is made of.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import Arithmetic, as_mpmath, in_mpmath, with_noise
from experiments.autodiff.derivative import Array, Direction, Entry
from experiments.autodiff.expression import Expression

DIGITS = 60
"""The digits of a slope: about as many as it has after its extrapolation, and more than anybody reads."""

STEPS = (20, 30, 40)
"""Three steps, as negative powers of ten. Over them quotients settle, approach a limit, grow, or do none of these."""

AGREEMENT = 1e-12
"""The largest relative difference of quotients that count as equal.

Those of a smooth function differ by about the step, those of x**1.5 at 0 by the root of the step.
"""

SMALLEST_SLOPE = 1e-6
"""The scale for comparing smaller slopes: where the slope is zero, quotients differ by terms in the step."""

LEAST = 1e-60
"""The rounding errors of a slope of :data:`DIGITS` digits: no difference of slopes is smaller."""

APPROACHES = 0.2
"""A quotient approaches a limit if its change shrinks to this share: 0.1 for abs(x)**1.1 at 0, 1 for x*log(x)."""

SMALLEST_JUMP = 1e-12
"""The smallest change of the value over a step of 1e-40 that is a jump; a logarithm's is larger only at its pole."""

STAYS = 0.9
"""The share of a jump, or of a quotient's growth, that must remain when the step shrinks from 1e-30 to 1e-40.

A steep root such as x**0.1 keeps less of its change, the quotient of x*log(x) all of its growth.
"""

NOTHING = 1e-300
"""A slope of this size is nothing: less than the smallest numbers of any dtype."""

PLAIN, KINK, JUMP, EDGE, STEEP, UNSETTLED, UNDEFINED = (
    "", "kink", "jump", "edge of the domain", "infinite slope", "unsettled slope", "undefined"
)  # fmt: skip
"""The kinds of points; the empty word stands for an ordinary point."""

NO_SLOPE = (KINK, JUMP, UNSETTLED, UNDEFINED)
"""The kinds of points without a derivative, and so without one of a higher order."""


@dataclass(frozen=True)
class Side:
    """One side of the point."""

    slope: Any
    """The one-sided derivative, as mpmath's number; infinite where quotients grow, NaN where there is none."""
    uncertainty: Any
    """A bound of the slope's error."""
    jumps: bool
    is_defined: bool
    """Whether the function has values there."""


NO_SIDE = Side(math.nan, math.nan, jumps=False, is_defined=False)


@dataclass(frozen=True)
class Surroundings:
    """Both sides of a point, along the directions of one entry."""

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
        if not self.below.is_defined and not self.above.is_defined:
            return UNDEFINED
        if any(mpmath.isnan(side.slope) for side in (self.below, self.above) if side.is_defined):
            return UNSETTLED
        if any(map(mpmath.isinf, slopes)):
            return STEEP
        if any(map(mpmath.isnan, slopes)):
            return EDGE
        return PLAIN if self._sides_agree() else KINK

    @property
    def slope(self) -> Any:
        """The derivative at a plain point; at an edge, the one-sided derivative inside the domain."""
        import mpmath

        slopes = [side.slope for side in self._sides]
        with mpmath.workdps(DIGITS):
            return sum(slopes) / len(slopes)

    @property
    def uncertainty(self) -> float:
        """A bound of the error of :attr:`slope`."""
        return float(max(side.uncertainty for side in self._sides))

    def _sides_agree(self) -> bool:
        below, above = self.below, self.above
        relative = AGREEMENT * max(abs(below.slope), abs(above.slope))
        return bool(abs(below.slope - above.slope) <= relative + below.uncertainty + above.uncertainty + LEAST)

    @property
    def _sides(self) -> list[Side]:
        return [side for side in (self.below, self.above) if side.slope == side.slope]  # leaves NaN out


def least_digits(order: int) -> int:
    """The digits that the differences of an order need over the smallest step, where nothing else cancels."""
    return 60 + (max(STEPS) + 20) * order


class Neighbourhood:
    """Evaluates an expression around a point, at a precision that survives tiny steps."""

    def __init__(
        self, expression: Expression, values: Mapping[str, Array], digits: int, is_enough: bool, closer: int = 0
    ) -> None:
        """``is_enough``: whether even the largest results of steps can cancel without a loss at ``digits`` digits.

        Steps are shorter by ``closer`` powers of ten.
        """
        self._expression, self._values = expression, values
        self._digits, self._is_enough, self._closer = digits, is_enough, closer

    def around(self, entry: Entry) -> Surroundings | None:
        """Both sides along the entry's directions; along fewer of them where that lower derivative does not exist.

        None where results cancel for which there are not enough digits.
        """
        if not self._is_enough and not self._keeps_digits(entry):
            return None
        directions = entry.directions
        lower = [directions[:n] for n in range(1, len(directions))]
        if directions[0] is not directions[-1]:  # along one direction, all of the same order are the same
            lower.append(directions[1:])
        for fewer in lower:
            if (found := self._around(Entry(entry.output, fewer))).kind in NO_SLOPE:
                return found
        return self._around(entry)

    def _around(self, entry: Entry) -> Surroundings:
        import mpmath

        with mpmath.workdps(self._digits):
            arithmetic = in_mpmath()
            here = self._at(arithmetic, entry, [])
            if not mpmath.isfinite(here):
                return Surroundings(NO_SIDE, NO_SIDE, is_defined=False)
            return Surroundings(
                self._side(arithmetic, entry, -1, here), self._side(arithmetic, entry, 1, here), is_defined=True
            )

    def _keeps_digits(self, entry: Entry) -> bool:
        """Whether rounding errors in every step leave the differences of values intact, at the point and beside it."""
        import mpmath

        order = len(entry.directions)
        with mpmath.workdps(self._digits):
            arithmetic = in_mpmath()
            noisy = with_noise(arithmetic, self._digits)
            step = self._scale(entry.directions) * mpmath.mpf(10) ** -max(STEPS)
            relative = mpmath.mpf(10) ** -(max(STEPS) * order + 30)
            for way in (0, -1, 1):
                moves = [(direction, way * step) for direction in entry.directions] if way else []
                value, other = self._at(arithmetic, entry, moves), self._at(noisy, entry, moves)
                if not mpmath.isfinite(value):
                    is_kept = value == other or (mpmath.isnan(value) and mpmath.isnan(other))
                else:
                    is_kept = abs(value - other) <= max(abs(value) * relative, abs(NOTHING * step**order))
                if not is_kept:
                    return False
        return True

    def _side(self, arithmetic: Arithmetic, entry: Entry, sign: int, here: Any) -> Side:
        import mpmath

        scale = self._scale(entry.directions)
        steps = [sign * scale * mpmath.mpf(10) ** -power for power in STEPS]
        quotients = [self._quotient(arithmetic, entry, step, here) for step in steps]
        far, near = (
            abs(self._at(arithmetic, entry, [(direction, step) for direction in entry.directions[:1]]) - here)
            for step in steps[-2:]
        )
        size = max(1, abs(here))
        jumps = bool(near > SMALLEST_JUMP * size and near > STAYS * far)
        return Side(*_limit(*quotients, is_near=near < size), jumps, mpmath.isfinite(quotients[-1]))

    def _quotient(self, arithmetic: Arithmetic, entry: Entry, step: Any, here: Any) -> Any:
        """The mixed difference quotient, over all points that are or are not moved along each direction."""
        total = 0
        for taken in itertools.product((0, 1), repeat=len(entry.directions)):
            moves = [(direction, step) for direction, one in zip(entry.directions, taken, strict=True) if one]
            total += (-1) ** (len(taken) - len(moves)) * (self._at(arithmetic, entry, moves) if moves else here)
        return total / step ** len(entry.directions)

    def _at(self, arithmetic: Arithmetic, entry: Entry, moves: Sequence[tuple[Direction, Any]]) -> Any:
        """The entry's element of the value after ``moves`` from the point."""
        point = {name: as_mpmath(value) for name, value in self._values.items()}
        for direction, step in moves:
            for name, changes in direction.items():
                point[name] = point[name] + as_mpmath(changes) * step
        return np.ravel(np.asarray(arithmetic.evaluate(self._expression, point), dtype=object))[entry.output]

    def _scale(self, directions: Sequence[Direction]) -> Any:
        """The unit of steps: the smallest nonzero value that changes, and at most one: sine knows no other scale."""
        import mpmath

        sizes = [
            abs(value)
            for direction in directions
            for name, changes in direction.items()
            for value, change in zip(np.ravel(self._values[name]), np.ravel(changes), strict=True)
            if change and value
        ]
        return min([1.0, *sizes]) * mpmath.mpf(10) ** -self._closer


def _limit(coarse: Any, middle: Any, fine: Any, *, is_near: bool) -> tuple[Any, Any]:
    """The limit of quotients at shrinking steps, and a bound of its error.

    Slow convergence is accelerated by Aitken's delta-squared process, which is exact where the rest is a power of the
    step: abs(x)**1.1 at 0 has the quotients 1e-2, 1e-3, 1e-4, and the slope 0. That the last step is small for the
    function (``is_near``) is a condition: exp(exp(x)) at 100 multiplies itself over a step of 1e-40.
    """
    import mpmath

    before, last = middle - coarse, fine - middle
    if _agree(middle, fine):
        return fine, abs(last)
    if is_near and abs(last) <= APPROACHES * abs(before):
        missing = last**2 / (before - last)
        return fine + missing, abs(missing)
    grows = abs(coarse) < abs(middle) < abs(fine) and abs(last) >= STAYS * abs(before)  # false for NaN
    return mpmath.inf * mpmath.sign(fine) if grows else mpmath.nan, mpmath.mpf(0)


def _agree(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= AGREEMENT * max(SMALLEST_SLOPE, abs(a), abs(b)))
