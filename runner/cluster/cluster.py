"""What an engine does that runs jobs in processes elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from experiments.reporting.text import one_line

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """A job whose process is gone without a result."""

    reason: str
    """One sentence: which signal, out of memory, cancelled, node failure; what the engine says."""


Results: TypeAlias = Generator[tuple[int, Result | Lost], None, None]
"""The index of a job and what came of it; to be closed."""


class Cluster(Protocol):
    """Processes for jobs, on this machine or others."""

    @property
    def is_this_machine(self) -> bool:
        """Whether the jobs are sure to run here, on this machine's disks."""

    def check(self) -> None:
        """Raises UserError where the engine is not there; starts nothing."""

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Results[Result]:
        """Runs ``function(job)`` for each job in a process of its own; yields index and result as they finish.

        The function is a module's, the jobs and results can be pickled. It starts in the working folder of this
        process, finds the modules this process finds, and runs in the main thread of its process, which it may
        give signal handlers. A job that dies is never run again.

        The jobs are handed over when the first result is asked for. Closing the generator, or an exception
        where it is consumed, cancels what has not finished: the jobs' processes get a signal and some seconds.

        Raises UserError where the engine is not there or refuses the jobs.
        """


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Lost:
    """The function's result; what it raises, sys.exit and KeyboardInterrupt included, in a line."""
    try:
        return function(job)
    except BaseException as error:
        kind, message = type(error).__name__, one_line(error)
        return Lost(f"the job raised {kind}" + (f": {message}" if message != kind else ""))
