"""The interface of a pruner, which ends hopeless jobs while they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.execution.job import Job
from runner.messages import Record


@dataclass(frozen=True)
class Pruned:
    """A job is hopeless."""

    step: int
    """The step at which it was found to be, such as an epoch."""
    reason: str
    """How, in a sentence."""


class Pruner(Protocol):
    """Asked while a worker waits, so that nothing is timed meanwhile."""

    def require_steps(self, job: Job) -> None:
        """Raise UserError for a job of which nothing shows early whether it is hopeless."""

    def judge(self, job: Job, records: Sequence[Record]) -> Pruned | None:
        """Note what a job has found; return why it should end, None if it should go on. Raises StoreError."""
