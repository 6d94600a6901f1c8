"""Jobs that measure in alternation: which of them have their processes at the same time, and which goes on next."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from experiments.measure.timing import processes_of
from experiments.runtime.memory import free_on_host
from runner.execution.gpus import is_on_gpu
from runner.execution.job import Job

WORKER_BYTES = 300e6
"""About what a process takes beside its operands."""

SHARE = 0.5
"""The share of the free memory that the processes of a turn may take together."""


class Yielding(Protocol):
    """A process that has yielded to others."""

    @property
    def awaits_visit(self) -> bool:
        """Whether it waits until the others, too, are about to begin a visit."""

    @property
    def blocks(self) -> int:
        """The blocks that it has made in this visit."""

    def begin_visit(self) -> None:
        """Wait for the next block, the first of the visit."""


Y = TypeVar("Y", bound=Yielding)


def alternate(group: Sequence[Job]) -> bool:
    """Return whether these jobs, which take turns, measure block by block beside each other.

    Those on a GPU have it for themselves: two processes would share its memory, and hold it for reuse.
    """
    return len(group) > 1 and all(processes_of(job.parts.experiment) > 1 for job in group) and not _any_on_gpu(group)


def fits_beside(job: Job, others: Sequence[Job]) -> bool:
    """Return whether a job's process fits into memory beside those of others, each with its largest operands."""
    return sum(map(_bytes_needed, [job, *others])) <= SHARE * free_on_host()


def next_to_go_on(runs: Sequence[Y], generator: random.Random) -> Y | None:
    """Return which of those that have yielded goes on next; None without any.

    Those that sample a call take a block each, in random order, again and again. Only when all have ended their visits
    does the next one begin.
    """
    if all(run.awaits_visit for run in runs):
        for run in runs:
            run.begin_visit()
    sampling = [run for run in runs if not run.awaits_visit]
    return min(sampling, key=lambda run: (run.blocks, generator.random()), default=None)


def _any_on_gpu(group: Sequence[Job]) -> bool:
    return any(is_on_gpu(job.parts.device) for job in group)


def _bytes_needed(job: Job) -> float:
    experiment = job.parts.experiment
    return WORKER_BYTES + (experiment.bytes_needed() or 0) + experiment.bytes_on_host()
