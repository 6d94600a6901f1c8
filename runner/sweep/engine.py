"""The interface of engines, which run the jobs of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from runner.execution.context import Context
from runner.execution.interruption import Interruption
from runner.execution.job import Job, JobEnd
from runner.sweep.view import SweepView


class Engine(Protocol):
    """Runs jobs somewhere, each in a process of its own."""

    here: bool
    """Whether jobs run on this machine: its kind is known before they start, and their processes take turns."""
    at_a_time: int
    """How many jobs run side by side, which disturbs timings."""
    memory_bytes: int | None
    """The memory that a job may take; None where nobody limits it."""

    def check(self) -> None:
        """Raise UserError if the engine cannot be used."""

    def prepare(self, job: Job) -> None:
        """Prepare for the first job while the others are composed and the store is opened."""

    def run(
        self, jobs: Sequence[Job], context: Context, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        """Run the jobs; yield each as it ends, and nothing for those that were never started.

        Raises StoreError when the store fails for good.
        """

    def close(self) -> None:
        """End all processes."""
