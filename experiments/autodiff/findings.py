"""What is to be said about one derivative that TensorFlow gave: its name, and a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.autodiff.one_sided import EDGE, JUMP, KINK, STEEP, UNDEFINED, UNSETTLED
from experiments.autodiff.point import SMALLEST
from experiments.autodiff.truth import OVERFLOW, Truth

UNCONNECTED, INTEGER, NOT_FINITE, VANISHED, CANCELLED, WRONG, UNSUPPORTED, UNCHECKED = (
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
"""Relative error from which a derivative that rounding explains is none to go on with."""


@dataclass(frozen=True)
class Checked:
    """A derivative as TensorFlow gave it, beside the truth."""

    found: float | None
    truth: Truth
    dtype: str
    is_integer: bool = False
    problem: str = ""
    """Why TensorFlow could not compute it at all."""

    @property
    def findings(self) -> list[str]:
        """Names of what is not as it should be; none for a derivative that is right."""
        return [name for name in (self.truth.point, self._answer()) if name]

    def _answer(self) -> str:
        if self.problem:
            return UNSUPPORTED
        if self.is_integer:
            return INTEGER
        if self.found is None:
            return UNCONNECTED
        if self.truth.value is not None and math.isinf(self.truth.value) and self.found == float(self.truth.value):
            return ""
        if not math.isfinite(self.found):
            return NOT_FINITE
        if self.truth.value is None:
            return "" if self.truth.point else UNCHECKED
        if self.found == 0 and self.truth.vanishes(self.dtype):
            return VANISHED
        if abs(self.found - self.truth.value) > self.tolerance:
            return WRONG
        return CANCELLED if self._is_lost(self.found) else ""

    def _is_lost(self, found: float) -> bool:
        """Whether rounding explains the answer only because it would explain any; a formula tells."""
        if self.truth.formula is None or self.tolerance < self.truth.unit(self.dtype):
            return False
        return self.error > LOST and bool(abs(found - self.truth.value) > SMALLEST[self.dtype])

    @property
    def tolerance(self) -> float:
        """NaN where there is nothing to compare with."""
        comparable = self.truth.value is not None and math.isfinite(self.truth.value) and not self.is_integer
        return self.truth.tolerance(self.dtype) if comparable else math.nan

    @property
    def error(self) -> float:
        """NaN where there is nothing to compare."""
        return (
            math.nan if self.found is None or math.isnan(self.tolerance) else self.truth.error(self.found, self.dtype)
        )

    def sentences(self) -> list[str]:
        """Each finding in words."""
        return [self._sentence(name) for name in self.findings]

    def _sentence(self, name: str) -> str:
        below, above = (_number(side) for side in self.truth.sides or (math.nan, math.nan))
        given = _number(self.found)
        return {
            KINK: f"a kink: the derivative is {below} from below and {above} from above; TensorFlow says {given}",
            JUMP: f"the function jumps here and has no derivative; TensorFlow says {given}",
            EDGE: f"the domain ends here; from the one side that there is, the derivative is "
            f"{above if below == 'NaN' else below}, TensorFlow says {given}",
            STEEP: f"the slope grows without limit here; TensorFlow says {given}",
            UNSETTLED: f"the slope has not settled at steps down to 1e-40; TensorFlow says {given}",
            UNDEFINED: f"the function has no value here; TensorFlow says {given}",
            OVERFLOW: "numbers beyond 1.8e308 come up on the way; nothing can be checked",
            UNCONNECTED: "TensorFlow returns None: for it, what is differentiated does not depend on this variable",
            INTEGER: f"TensorFlow returns {given}: integers have no gradient; choose experiment.dtype=float32",
            NOT_FINITE: f"TensorFlow says {given}, which is no number to go on with"
            + (f"; the truth is {_number(self.truth.value)}" if self.truth.value is not None else ""),
            VANISHED: f"TensorFlow says {given}; the truth, {_number(self.truth.value)}, was lost in rounding",
            CANCELLED: f"rounding to {self.dtype} takes all digits of the formula here: TensorFlow says {given}, the "
            f"truth is {_number(self.truth.value)}",
            WRONG: f"TensorFlow says {given}, the truth is {_number(self.truth.value)}",
            UNSUPPORTED: f"TensorFlow cannot compute it: {self.problem}",
            UNCHECKED: "no independent way was found to check it",
        }[name]


def _number(value: object) -> str:
    if value is None:
        return "None"
    number = float(value)  # type: ignore[arg-type]  # a float or mpmath's number
    return "NaN" if math.isnan(number) else f"{number:.10g}"
