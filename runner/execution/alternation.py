"""Jobs that measure in alternation: which of them have their processes at the same time, and which goes on next."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from experiments.measure.timing import processes_of
from experiments.runtime.device import Device
from experiments.runtime.memory import free_on_host
from runner.execution.job import Job

WORKER_BYTES = 300e6
"""About what a process takes beside its operands."""

SHARE = 0.5
"""The share of the free memory that the processes of a turn may take together."""

GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""The drivers of NVIDIA, of AMD, and of Windows for Linux."""


class Yielding(Protocol):
    """A process that has yielded to others."""

    place: float | None
    """The place of the visit that it is about to begin; None between two blocks."""
    cycle: int
    """The cycle in which it has made its last block."""


Y = TypeVar("Y", bound=Yielding)


class Conductor:
    """Decides which of several processes goes on."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        self._cycle = 0

    def next_to_go_on(self, yielded: Sequence[Y]) -> Y | None:
        """Return which of those that have yielded goes on next, in the cycle that it has then; None without any.

        No other one may compute. Those that sample make a block each, in random order, cycle after cycle. Only when all
        have ended their visits do the next ones begin: those with the lowest place.
        """
        if not yielded:
            return None
        places = [one.place for one in yielded if one.place is not None]
        if len(places) == len(yielded):
            self._begin([one for one in yielded if one.place == min(places)])
        sampling = [one for one in yielded if one.place is None]
        if all(one.cycle == self._cycle for one in sampling):
            self._cycle += 1
        chosen = self._random.choice([one for one in sampling if one.cycle < self._cycle])
        chosen.cycle = self._cycle
        return chosen

    def _begin(self, visitors: Sequence[Yielding]) -> None:
        """Let visits begin in a new cycle: one that needed fewer blocks than others may not have been in the last."""
        self._cycle += 1
        for one in visitors:
            one.place = None


def alternate(group: Sequence[Job]) -> bool:
    """Return whether these jobs, which take turns, measure block by block beside each other.

    Those on a GPU have it for themselves: two processes would share its memory, and hold it for reuse. One that cannot
    say what it needs of the memory is alone, too.
    """
    return len(group) > 1 and all(
        processes_of(job.parts.experiment) > 1
        and _is_surely_on_cpu(job.parts.device)
        and _bytes_needed(job) is not None
        for job in group
    )


def fits_beside(job: Job, others: Sequence[Job]) -> bool:
    """Return whether a job's process fits into memory beside those of others, each with its largest operands."""
    return sum(_bytes_needed(one) or 0 for one in (job, *others)) <= SHARE * free_on_host()


def _is_surely_on_cpu(device: Device) -> bool:
    return device.kind == "cpu" or (device.kind == "auto" and not any(Path(file).exists() for file in GPU_FILES))


def _bytes_needed(job: Job) -> float | None:
    """Return about what a job's process takes of the memory; None where nobody knows."""
    experiment = job.parts.experiment
    try:
        on_device, beside = experiment.bytes_needed(), experiment.bytes_on_host()
    except Exception:  # of an experiment from elsewhere: it is measured all the same
        return None
    return None if on_device is None else WORKER_BYTES + on_device + beside
