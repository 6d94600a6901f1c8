"""Which jobs have their processes at the same time, to measure block by block, and what room these need in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from experiments.measure.timing import processes_of
from experiments.runtime.device import Device
from experiments.runtime.gpu_driver import has_driver
from experiments.runtime.memory import free_on_host
from runner.execution.job import Job

WORKER_BYTES = 300e6
"""About what a process takes beside its operands."""

SHARE = 0.5
"""The share of the free memory that the processes of a turn may take together."""


class Room(NamedTuple):
    """The bytes that the largest point of a job takes, beside TensorFlow itself."""

    on_device: float
    on_host: float
    """What it takes there beside a device that has memory of its own; a CPU has none, and needs both."""


def room_for(job: Job) -> Room | None:
    """Return what a job needs; None where its experiment cannot say."""
    experiment = job.parts.experiment
    try:
        on_device, on_host = experiment.bytes_needed(), experiment.bytes_on_host()
    except Exception:  # of an experiment from elsewhere: it is measured all the same
        return None
    return None if on_device is None else Room(on_device, on_host)


def alternate(group: Sequence[Job]) -> bool:
    """Return whether these jobs, which take turns, measure block by block beside each other.

    Those on a GPU have it for themselves: two processes would share its memory, and hold it for reuse. One that cannot
    say what it needs of the memory is alone, too.
    """
    return len(group) > 1 and all(
        processes_of(job.parts.experiment) > 1 and _is_surely_on_cpu(job.parts.device) and room_for(job) is not None
        for job in group
    )


def fits_beside(job: Job, others: Sequence[Job]) -> bool:
    """Return whether a job's process fits into memory beside those of others, each with its largest operands."""
    needed = sum(WORKER_BYTES + sum(room_for(one) or ()) for one in (job, *others))
    return needed <= SHARE * free_on_host()


def _is_surely_on_cpu(device: Device) -> bool:
    return device.kind == "cpu" or (device.kind == "auto" and not has_driver())
