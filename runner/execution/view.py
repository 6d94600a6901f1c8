"""The interface of views, which show jobs while they go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from runner.execution.job import Job, JobEnd
from runner.messages import Record


class View(Protocol):
    """Shows jobs. With one job at a time it is called only while nothing is timed."""

    def say(self, text: str) -> None:
        """Show a line."""

    def started(self, job: Job) -> None:
        """Show that the worker of a job starts."""

    def show(self, job: Job, records: Iterable[Record]) -> None:
        """Show the progress among the records of a job."""

    def ended(self, job: Job, end: JobEnd) -> None:
        """Show the end of a job."""
