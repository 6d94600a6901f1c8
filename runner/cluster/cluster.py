"""The interface of clusters, which run jobs in processes elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from experiments.reporting.text import one_line

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """The result of a job whose process ended without one."""

    reason: str
    """A sentence with what the cluster says: signal, out of memory, cancelled, node failure."""


Results: TypeAlias = Generator[tuple[int, Result | Lost], None, None]
"""A generator of (index of a job, its result); callers close it."""


class Cluster(Protocol):
    """A provider of processes for jobs, on this machine or others."""

    @property
    def is_this_machine(self) -> bool:
        """Whether the jobs certainly run on this machine and see its disks."""

    @property
    def keeps_jobs_in_files(self) -> bool:
        """Whether jobs lie in files that others might read; this process's environment travels beside them."""

    def check(self) -> None:
        """Raise UserError if the cluster cannot be used. Starts nothing."""

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Results[Result]:
        """Run ``function(job)`` for each job in a process of its own; yield index and result as they finish.

        The function is a module's function; jobs and results can be pickled. It starts in the working folder of
        this process and finds the same modules. It runs in the main thread of its process, and so may install
        signal handlers. A job that dies is never run again.

        The jobs are submitted when the first result is asked for. Closing the generator, or an exception in the
        loop over it, cancels what has not finished: the jobs' processes get a signal and some seconds.

        Raises UserError if the cluster cannot be used or refuses the jobs.
        """


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Lost:
    """Return the function's result, or Lost with what it raised, sys.exit and KeyboardInterrupt included."""
    try:
        return function(job)
    except BaseException as error:
        kind, message = type(error).__name__, one_line(error)
        return Lost(f"the job raised {kind}" + (f": {message}" if message != kind else ""))
