"""Jobs of which the truth is known: equal ones, and some that do more work than they count."""

from __future__ import annotations

import math
import multiprocessing
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from experiments.matmul.product import Product, new_call
from experiments.measure import Timing
from experiments.measure.adaptive import AdaptiveSampler
from experiments.measure.measurement import median_interval
from experiments.runtime import device
from runner.execution.worker import write_output_to

LEAST_CALLS = 100
LONGEST_BLOCK = 0.03
"""Blocks have 1,000 calls, fewer where those would take longer than this: so many that 2 % of them are whole calls."""


@dataclass(frozen=True)
class Call:
    """A product, and the share of work by which each counted call exceeds one."""

    shape: str
    n: int
    more: float = 0.0

    @property
    def calls(self) -> int:
        """The calls that a block counts, by a rough guess of 2e10 multiplications a second and 30 us a call."""
        seconds = 30e-6 + (self.n**3 if self.shape == "square" else self.n) / 2e10
        return max(LEAST_CALLS, min(1000, int(round(LONGEST_BLOCK / seconds, -2))))


@dataclass(frozen=True)
class Found:
    """What one process found: seconds a call."""

    median: float
    interval: tuple[float, float]
    """The 95 % interval from within the process."""
    values: Sequence[float]
    """All samples in their order."""


Job = Sequence[Call]
Processes = Sequence[Mapping[tuple[str, int], Found]]
"""What each process of a job found, by shape and size."""


class PlantedSampler(AdaptiveSampler):
    """Counts other calls than it makes."""

    def __init__(self, call: Call, function: Callable[..., Any], operands: Sequence[Any]) -> None:
        super().__init__(function, operands, Timing().of_one_process)
        self._calls_before, self._more = call.calls, call.more

    def _time(self, calls: int) -> float:
        return super()._time(round(calls * (1 + self._more)))


def in_turns(jobs: Sequence[Job]) -> list[Processes]:
    """Measure jobs as a sweep does: a fresh process of each in random order, as often as the default says."""
    found: list[list[Mapping[tuple[str, int], Found]]] = [[] for _ in jobs]
    for _ in range(Timing().processes):
        for job in random.sample(range(len(jobs)), len(jobs)):
            found[job].append(_in_a_fresh_process(jobs[job]))
    return list(found)


def one_after_the_other(jobs: Sequence[Job]) -> list[Processes]:
    """Measure jobs as separate runs do: all processes of the first, then those of the next."""
    return [[_in_a_fresh_process(job) for _ in range(Timing().processes)] for job in jobs]


def _in_a_fresh_process(job: Job) -> Mapping[tuple[str, int], Found]:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_send, args=(its, job))
    process.start()
    its.close()
    found: Mapping[tuple[str, int], Found] = ours.recv()
    process.join()
    return found


def _send(connection: Connection, job: Job) -> None:
    write_output_to(Path(os.devnull))  # what TensorFlow's C++ prints, from each of hundreds of processes
    device.start(device.Device(kind="cpu"))
    with device.scope():
        connection.send({(call.shape, call.n): _measure(call) for call in random.sample(job, len(job))})


def _measure(call: Call) -> Found:
    sampler = PlantedSampler(call, new_call("eager"), Product(call.shape, call.n, "float32").operands(0))
    while not sampler.finished:
        sampler.visit()
    measurement = sampler.measurement
    assert measurement is not None
    low, high = median_interval(measurement.per_call)
    values = [sample.per_call for sample in measurement.samples]
    return Found(measurement.median, (low, high) if math.isfinite(low) else (min(values), max(values)), values)
