"""The result of trying the executions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.training.execution.execution import Execution


@dataclass(frozen=True)
class Candidate:
    """An execution that ``auto`` has tried."""

    name: str
    examples_per_s: float = math.nan
    """Median over a few blocks of steps; NaN if not measured."""
    first_call_seconds: float = math.nan
    """The time of tracing, compiling and the first step; NaN if that failed."""
    problem: str = ""
    """The reason why it was not measured; empty if it was."""

    @property
    def in_words(self) -> str:
        """The speed, or the reason why there is none."""
        if self.problem:
            return self.problem
        return f"{self.examples_per_s:,.0f} examples/s, first call {self.first_call_seconds:.1f} s"


@dataclass(frozen=True)
class ExecutionChoice:
    """The fastest execution, ready to train, and all candidates."""

    execution: Execution
    candidates: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        return self.execution.name

    @property
    def in_words(self) -> dict[str, str]:
        """Candidate -> its speed, or the reason why it has none."""
        return {candidate.name: candidate.in_words for candidate in self.candidates}
