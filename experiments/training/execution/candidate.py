"""What trying the executions gave."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.training.execution.execution import Execution


@dataclass(frozen=True)
class Candidate:
    """An execution that ``auto`` has tried."""

    name: str
    examples_per_s: float = math.nan
    """Median over a few blocks of steps; NaN if it was not measured."""
    first_call_seconds: float = math.nan
    """Tracing, compiling and the first step; NaN if that failed."""
    problem: str = ""
    """Why it was not measured; empty if it was."""

    @property
    def in_words(self) -> str:
        """The figures, or why there are none."""
        if self.problem:
            return self.problem
        return f"{self.examples_per_s:,.0f} examples/s, first call {self.first_call_seconds:.1f} s"


@dataclass(frozen=True)
class ExecutionChoice:
    """The fastest execution, ready to train, and what it was compared with."""

    execution: Execution
    candidates: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        return self.execution.name

    @property
    def in_words(self) -> dict[str, str]:
        """Candidate -> its figures, or why it has none."""
        return {candidate.name: candidate.in_words for candidate in self.candidates}
