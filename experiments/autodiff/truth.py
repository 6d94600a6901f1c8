"""The true value of a derivative, found without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import TooLarge, decades
from experiments.autodiff.derivative import Array, Entry
from experiments.autodiff.expression import Expression
from experiments.autodiff.numeric import Slopes
from experiments.autodiff.one_sided import (
    EDGE,
    JUMP,
    LEAST,
    PLAIN,
    STEEP,
    UNSETTLED,
    Neighbourhood,
    Surroundings,
    least_digits,
)
from experiments.autodiff.point import SMALLEST, fits, is_beyond_floats
from experiments.autodiff.symbolic import DIGITS, Formula, Formulas
from experiments.autodiff.terms import size_of_terms
from experiments.runtime.modes import SIGNIFICAND_BITS

FORMULA, SIDES, COMPLEX_STEP, RICHARDSON, NOTHING = (
    f"SymPy's derivative at {DIGITS} digits",
    "difference quotients at hundreds of digits",
    "complex step",
    "Richardson extrapolation",
    "",
)
"""The references: what can give a derivative independently of TensorFlow, in the words of truth.csv."""

MOST_FORMULAS = 64
"""Up to this many entries each gets a formula of its own; beyond, the numeric references must do."""

MOST_WORK = 300_000
"""The most operations at hundreds of digits to be spent on the point's neighbourhood: about three seconds."""

MOST_DECADES = 1000
"""So many digits are at hand for results that cancel; where steps are larger, it is checked that few do."""

SMALL_SPREAD = 10
"""Results of steps that are up to so many powers of ten apart have slopes that steps of 1e-40 resolve."""

HARDLY = 0.01
"""A function that changes by less than this share, when the point changes by its own size, hardly depends on it."""

SAFETY = 16
"""The units in the last place that a right answer may be off, even where the formula loses none."""

UNKNOWN_LOSS, MOST_UNKNOWN_LOSS = 64 * SAFETY, 0.25
"""The units that it may be off beside them where no formula tells what is lost, and the largest share of the truth that
these may be: in 8 bits so many units are four times the truth, and anything would be right."""


@dataclass(frozen=True)
class Truth:
    """The truth about one entry of a derivative at one point."""

    value: Any
    """mpmath's number, or a float; infinite for an infinite slope; None where there is no derivative."""
    reference: str
    """Which reference gave the value: :data:`FORMULA`, :data:`SIDES`, ...; :data:`NOTHING` where none did."""
    uncertainty: float
    """A bound of the error of ``value``."""
    point: str
    """The kind of the point: one of one_sided's words."""
    sides: tuple[Any, Any] | None
    """The derivatives from below and above, floats or, beyond their range, mpmath's; None where nobody has looked."""
    formula: Formula | None
    """The formula that gave the value; None where another reference did."""
    scale: float = 0.0
    """The absolute value of the function."""
    terms: float = 0.0
    """The size of the terms that add up to a derivative of zero; its rounding errors are relative to them."""
    reach: float = 0.0
    """The size of the point along the entry's directions."""

    def tolerance(self, dtype: str) -> float:
        """The largest error that a right answer may have in ``dtype``.

        That is :data:`SAFETY` units in the last place, plus eight times the error of the formula itself when each of
        its steps is rounded to the dtype's bits or up to three fewer, which is where cancellation shows. Without a
        formula it is :data:`UNKNOWN_LOSS` more.
        """
        assert self.value is not None
        bits = SIGNIFICAND_BITS[dtype]
        size = abs(float(self.value))
        scale = size or self.terms  # terms that cancel leave rounding errors of their own size
        allowed = SAFETY * scale * 2.0**-bits + SMALLEST[dtype] + self.uncertainty
        if self.formula is None:
            return allowed + size * min(UNKNOWN_LOSS * 2.0**-bits, MOST_UNKNOWN_LOSS)
        lost = [abs(float(self.formula.rounded(bits - fewer) - self.value)) for fewer in range(4)]
        return allowed + 8 * max((loss for loss in lost if math.isfinite(loss)), default=0.0)

    def vanishes(self, dtype: str) -> bool:
        """Whether the derivative is nonzero, yet less than a rounding error of the value, as that of sigmoid at 50.

        The value must hardly depend on the point: sqrt(x*x) at 1e30 is so large that its slope, 1, seems small.
        Only a formula can tell such a value from zero.
        """
        if self.formula is None or abs(self.value) * self.reach >= HARDLY * self.scale:
            return False
        return bool(SMALLEST[dtype] <= abs(self.value) < self.scale * 2.0 ** -SIGNIFICAND_BITS[dtype])

    def error(self, found: float, dtype: str = "float64") -> float:
        """The error of ``found``, in :meth:`unit`; NaN where there is no truth."""
        return float(abs(found - self.value) / self.unit(dtype)) if self.value is not None else math.nan

    def unit(self, dtype: str) -> Any:
        """The unit of errors: the truth, but at least the dtype's smallest number; 1 where the truth is zero."""
        return max(abs(self.value), SMALLEST[dtype]) if self.value else 1


class Reference:
    """Finds the truth about an expression at a point, entry by entry."""

    def __init__(self, expression: Expression, values: Mapping[str, Array], order: int, entries: int) -> None:
        """``order`` is that of the highest derivative, ``entries`` the number of entries to be found."""
        self._expression, self._values = expression, values
        elements = sum(value.size for value in values.values())
        work = entries * 6 * 2**order * expression.nodes * max(1, elements // 4)
        has_formulas, is_small = entries <= MOST_FORMULAS, work <= MOST_WORK
        self._spread = decades(expression, values) if has_formulas or is_small else math.inf
        spare = _spare_digits(work, order)

        def neighbourhood(closer: int) -> Neighbourhood:
            needed = self._spread + closer * order
            digits = least_digits(order) + math.ceil(min(needed, spare))
            return Neighbourhood(expression, values, digits, needed <= spare, closer)

        closer = math.ceil(self._spread) if self._spread * (1 + order) <= spare - order else 0
        self._neighbourhood = neighbourhood(0) if is_small else None
        self._closer = neighbourhood(closer) if is_small and closer else None
        has_formulas = has_formulas and math.isfinite(self._spread)  # SymPy's formulas would compute all digits
        self._formulas = self._try(lambda: Formulas(expression, values)) if has_formulas else None
        self._slopes = Slopes(expression, values)
        self._values_at_point = self._slopes.values()

    def of(self, entry: Entry) -> Truth:
        formulas = self._formulas
        formula = self._try(lambda: formulas.derivative(entry)) if formulas else None
        around = self._around(entry, formula)
        if self._neighbourhood and not around:
            return Truth(None, NOTHING, 0.0, PLAIN, None, None)
        point = around.kind if around else PLAIN
        sides = (_as_float(around.below.slope), _as_float(around.above.slope)) if around else None
        value, reference, uncertainty = self._value(entry, around, formula)
        found = formula if reference == FORMULA else None
        scale = abs(self._values_at_point[entry.output])
        scale = scale if math.isfinite(scale) else 0.0
        terms = self._terms(entry, scale) if value == 0 else scale
        return Truth(value, reference, uncertainty, point, sides, found, scale, terms, self._reach(entry))

    def _around(self, entry: Entry, formula: Formula | None) -> Surroundings | None:
        """The point's surroundings; None where nobody looks, or can tell.

        What is doubtful is looked at again, from closer by: over a step of 1e-40, sin(exp(x)) at 1000 seems to jump.
        """
        around = self._neighbourhood.around(entry) if self._neighbourhood else None
        if around is None or self._spread <= SMALL_SPREAD or not _is_doubtful(around, formula):
            return around
        return self._closer.around(entry) if self._closer else None

    def _reach(self, entry: Entry) -> float:
        return math.prod(
            max(float(np.max(np.abs(changes * self._values[name]))) for name, changes in direction.items())
            for direction in entry.directions
        )

    def _terms(self, entry: Entry, otherwise: float) -> float:
        """The size of a first derivative's terms; ``otherwise`` for higher derivatives."""
        if len(entry.directions) > 1:
            return otherwise
        size = float(size_of_terms(self._expression, self._values, entry.directions[0])[entry.output])
        return size if math.isfinite(size) else otherwise

    def _value(self, entry: Entry, around: Surroundings | None, formula: Formula | None) -> tuple[Any, str, float]:
        import mpmath

        if around and around.kind not in (PLAIN, EDGE):
            return _beside(around)
        if formula and mpmath.isfinite(value := formula.value()):
            is_plain = self._is_smooth_enough(entry) if around is None else _same(value, around)
            if is_plain:
                return value, FORMULA, 0.0
        if around:  # two kinks that cancel, which no formula sees
            return around.slope, SIDES, around.uncertainty
        if not self._can_be_estimated(entry):
            return None, NOTHING, 0.0
        estimate = self._slopes.estimate(entry)
        if not math.isfinite(estimate.value):
            return None, NOTHING, 0.0
        return estimate.value, COMPLEX_STEP if len(entry.directions) == 1 else RICHARDSON, estimate.error

    def _is_smooth_enough(self, entry: Entry) -> bool:
        """Whether a formula can be trusted where nobody has looked for kinks: at one, SymPy takes one of the sides."""
        return self._expression.is_smooth or self._can_be_estimated(entry)

    def _can_be_estimated(self, entry: Entry) -> bool:
        """Whether a numeric estimate can be trusted where nobody has looked for kinks.

        For a first derivative the complex step and a central difference must agree, which they do not at a kink.
        """
        if len(entry.directions) > 2 or not math.isfinite(self._values_at_point[entry.output]):
            return False
        if len(entry.directions) == 2:
            return self._expression.is_smooth
        return self._slopes.agrees(entry)

    @staticmethod
    def _try(find: Callable[[], Any]) -> Any:
        try:
            return find()
        except (TooLarge, RecursionError, TypeError, ValueError, NameError, KeyError):
            return None  # SymPy cannot compare, print or compute some constants


def _beside(around: Surroundings) -> tuple[Any, str, float]:
    """The value beside a point that is not plain: an infinite slope where all defined sides agree on it, else none."""
    slopes = [slope for slope in (around.below.slope, around.above.slope) if not math.isnan(slope)]
    if around.kind == STEEP and len(set(slopes)) == 1:
        return slopes[0], SIDES, 0.0
    return None, NOTHING, 0.0


def _as_float(slope: Any) -> Any:
    return slope if is_beyond_floats(slope) and not fits(slope, "float64") else float(slope)


def _spare_digits(work: int, order: int) -> int:
    """The digits for results that cancel that can be paid for; twice the digits take up to four times as long."""
    return max(0, min(MOST_DECADES, int(least_digits(1) * (MOST_WORK / work) ** 0.5) - least_digits(order)))


def _is_doubtful(around: Surroundings, formula: Formula | None) -> bool:
    """Whether the surroundings are not what the formula says, or have no slope at all."""
    if around.kind in (JUMP, STEEP, UNSETTLED):
        return True
    return around.kind in (PLAIN, EDGE) and formula is not None and not _same(formula.value(), around)


def _same(value: Any, around: Surroundings) -> bool:
    """Whether a value is the slope of the point's surroundings, however small both are."""
    return bool(abs(value - around.slope) <= 1e-9 * abs(value) + 2 * around.uncertainty + LEAST)
