"""Findings on one derivative that TensorFlow gave: the name of each, and a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from experiments.autodiff.one_sided import EDGE, JUMP, KINK, STEEP, UNDEFINED, UNSETTLED
from experiments.autodiff.point import SMALLEST, digits_of, fits, is_beyond_floats
from experiments.autodiff.truth import Truth

OVERFLOW, UNCONNECTED, INTEGER, NOT_FINITE, VANISHED, CANCELLED, WRONG, UNSUPPORTED, UNCHECKED = (
    "overflow",
    "unconnected",
    "integer input",
    "not finite",
    "vanished",
    "cancelled",
    "wrong",
    "unsupported",
    "unchecked",
)

LOST = 0.01
"""The relative error from which a derivative is useless, even though rounding explains the error."""


@dataclass(frozen=True)
class Checked:
    """One entry of a derivative as TensorFlow gave it, and the truth."""

    found: float | None
    truth: Truth
    dtype: str
    is_integer: bool = False
    problem: str = ""
    """Why TensorFlow could not compute it; empty where it could."""
    lost_step: str = ""
    """The first step that the dtype cannot hold, in words; empty where it holds all."""

    @property
    def findings(self) -> list[str]:
        """The names of all findings; none for a correct derivative at an ordinary point."""
        beyond = OVERFLOW if self._is_beyond_dtype else ""
        return [name for name in (self.truth.point, beyond, self._answer()) if name]

    @property
    def _is_beyond_dtype(self) -> bool:
        """Whether there is a finite truth, but the dtype has no number for it."""
        value = self.truth.value
        return value is not None and not _is_infinite(value) and not self.is_integer and not fits(value, self.dtype)

    def _answer(self) -> str:
        if self.problem:
            return UNSUPPORTED
        if self.is_integer:
            return INTEGER
        if self.found is None:
            return UNCONNECTED
        if self.truth.value is not None and _is_infinite(self.truth.value) and self.found == float(self.truth.value):
            return ""
        if not math.isfinite(self.found):
            return NOT_FINITE
        if self.truth.value is None:
            return "" if self.truth.point else UNCHECKED
        if self.found == 0 and self.truth.vanishes(self.dtype):
            return VANISHED
        if self._is_beyond_dtype or abs(self.found - self.truth.value) > self.tolerance:
            return WRONG
        return CANCELLED if self._is_lost(self.found) else ""

    def _is_lost(self, found: float) -> bool:
        """Whether the answer is useless, though rounding explains it as it would any; only a formula can tell."""
        if self.truth.formula is None or self.tolerance < self.truth.unit(self.dtype):
            return False
        return self.error > LOST and bool(abs(found - self.truth.value) > SMALLEST[self.dtype])

    @property
    def tolerance(self) -> float:
        """The largest error that rounding explains; NaN where there is nothing to compare with."""
        value = self.truth.value
        comparable = value is not None and not _is_infinite(value) and not self.is_integer and not self._is_beyond_dtype
        return self.truth.tolerance(self.dtype) if comparable else math.nan

    @property
    def error(self) -> float:
        """The error, in the unit of :meth:`Truth.unit`; NaN where there is nothing to compare."""
        return (
            math.nan if self.found is None or math.isnan(self.tolerance) else self.truth.error(self.found, self.dtype)
        )

    def sentences(self) -> list[str]:
        """One sentence for each finding."""
        return [self._sentence(name) for name in self.findings]

    def _sentence(self, name: str) -> str:
        below, above = (_number(side) for side in self.truth.sides or (math.nan, math.nan))
        given, cause = _number(self.found), f"; {self.lost_step}" if self.lost_step else ""
        return {
            KINK: f"a kink: the derivative is {below} from below and {above} from above; TensorFlow says {given}",
            JUMP: f"the function jumps here and has no derivative; TensorFlow says {given}",
            EDGE: f"the domain ends here; from the one side that there is, the derivative is "
            f"{above if below == 'NaN' else below}, TensorFlow says {given}",
            STEEP: f"the slope grows without limit here; TensorFlow says {given}",
            UNSETTLED: f"the slope has not settled at steps down to 1e-40; TensorFlow says {given}",
            UNDEFINED: f"the function has no value here; TensorFlow says {given}",
            OVERFLOW: f"the derivative, {_number(self.truth.value)}, is beyond the largest number of {self.dtype}",
            UNCONNECTED: "TensorFlow returns None: for it, what is differentiated does not depend on this variable",
            INTEGER: f"TensorFlow returns {given}: integers have no gradient; choose experiment.dtype=float32",
            NOT_FINITE: f"TensorFlow says {given}, which is no number to go on with"
            + (f"; the truth is {_number(self.truth.value)}" if self.truth.value is not None else "")
            + cause,
            VANISHED: f"TensorFlow says {given}; the truth, {_number(self.truth.value)}, was lost in rounding",
            CANCELLED: f"rounding to {self.dtype} takes all digits of the formula here: TensorFlow says {given}, the "
            f"truth is {_number(self.truth.value)}",
            WRONG: f"TensorFlow says {given}, the truth is {_number(self.truth.value)}{cause}",
            UNSUPPORTED: f"TensorFlow cannot compute it: {self.problem}",
            UNCHECKED: "no independent way was found to check it",
        }[name]


def _is_infinite(value: Any) -> bool:
    """Whether a float or mpmath's number is infinite; 1e999 of mpmath's is not."""
    import mpmath

    return bool(mpmath.isinf(value))


def _number(value: Any) -> str:
    if value is None:
        return "None"
    number = float(value)  # a float or mpmath's number
    if is_beyond_floats(value):
        return digits_of(value, 10)
    return "NaN" if math.isnan(number) else f"{number:.10g}"
