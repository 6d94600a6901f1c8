"""Jobs of which the truth is known: equal ones, and some that take longer for the same calls."""

from __future__ import annotations

import math
import multiprocessing
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.matmul.product import Product, new_call
from experiments.measure import Timing, Turns
from experiments.measure.adaptive import AdaptiveSampler
from experiments.measure.level import Level
from experiments.measure.measurement import median_interval
from experiments.runtime import alternation, device
from runner.execution.conductor import Conductor
from runner.execution.worker import write_output_to
from runner.messages import Yielded


@dataclass(frozen=True)
class Call:
    """A product, and the share of its time by which each call takes longer."""

    shape: str
    n: int
    more: float = 0.0


@dataclass(frozen=True)
class Found:
    """What one process found: seconds a call."""

    median: Level
    interval: tuple[float, float]
    """The 95 % interval from within the process."""

    @property
    def values(self) -> Sequence[float]:
        """All samples in their order."""
        return self.median.samples


Job = Sequence[Call]
Processes = Sequence[Mapping[tuple[str, int], Found]]
"""What each process of a job found, by shape and size."""


class PlantedSampler(AdaptiveSampler):
    """Takes longer for its calls than they need: it works on for a share of their time."""

    def __init__(self, call: Call, function: Callable[..., Any], operands: Sequence[Any]) -> None:
        super().__init__(function, operands, Timing().of_one_process)
        self._more = call.more

    def _time(self, calls: int) -> float:
        seconds = super()._time(calls)
        end = perf_counter() + seconds * self._more
        while perf_counter() < end:
            pass
        return seconds * (1 + self._more)


def in_turns(jobs: Sequence[Job]) -> list[Processes]:
    """Measure jobs as a sweep does: a fresh process of each, block by block beside each other, in each turn."""
    turns = [_turn(jobs, number) for number in range(Timing().processes)]
    return [[turn[place] for turn in turns] for place in range(len(jobs))]


def one_after_the_other(jobs: Sequence[Job]) -> list[Processes]:
    """Measure jobs as separate runs do: all processes of the first, then those of the next."""
    return [[_turn([job], number)[0] for number in range(Timing().processes)] for job in jobs]


class _Process:
    """A fresh process of a job, which measures a block at a time."""

    def __init__(self, job: Job, turn: int | None) -> None:
        """``turn`` is None for a process that measures alone."""
        self.place: float | None = None
        self.cycle = 0
        self.found: Mapping[tuple[str, int], Found] | None = None
        self._connection, its = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_send, args=(its, job, turn))
        self._process.start()
        its.close()

    def go_on(self) -> None:
        """Let it go on until it yields to others or has found everything."""
        self._connection.send(self.cycle)
        message = self._connection.recv()
        if isinstance(message, Yielded):
            self.place = message.place
        else:
            self.found = message
            self._process.join()


def _turn(jobs: Sequence[Job], number: int) -> list[Mapping[tuple[str, int], Found]]:
    """Measure each job in a fresh process, all of them beside each other."""
    conductor = Conductor(random.Random())
    processes = [_Process(job, number if len(jobs) > 1 else None) for job in jobs]
    for process in random.sample(processes, len(processes)):
        process.go_on()
    while going := [process for process in processes if process.found is None]:
        if next_one := conductor.next_to_go_on(going):
            next_one.go_on()
    return [process.found for process in processes if process.found is not None]


def _send(connection: Connection, job: Job, turn: int | None) -> None:
    write_output_to(Path(os.devnull))  # what TensorFlow's C++ prints, from each of hundreds of processes

    def let_others_go_on(place: float | None) -> int:
        connection.send(Yielded(place))
        return int(connection.recv())

    device.start(device.Device(kind="cpu"))
    connection.recv()
    if turn is not None:
        alternation.join(alternation.Alternation(let_others_go_on, turn))
    with device.scope():
        calls = sorted(job, key=lambda call: alternation.present().place_of((call.shape, call.n)))
        connection.send({(call.shape, call.n): _measure(call) for call in calls})


def _measure(call: Call) -> Found:
    sampler = PlantedSampler(call, new_call("eager"), Product(call.shape, call.n, "float32").operands(0))
    turns = Turns({"call": sampler}, "calibration")
    while not turns.finished:
        turns.visit(alternation.present().place_of((call.shape, call.n)))
    measurement = sampler.measurement
    assert measurement is not None
    low, high = median_interval(measurement.per_call)
    values = [sample.per_call for sample in measurement.samples]
    cycles = [sample.cycle for sample in measurement.samples]
    return Found(Level(values, cycles), (low, high) if math.isfinite(low) else (min(values), max(values)))
