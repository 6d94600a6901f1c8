"""A scheduler with a fake worker, a store in memory and a clock that moves only when told to."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from experiments.runtime import gpu_driver
from runner import environment
from runner.execution import job_run, scheduler, worker_process
from runner.execution.context import Context, Parent
from runner.execution.interruption import Interruption
from runner.execution.job import Job, JobEnd
from runner.execution.limits import Limits
from runner.execution.scheduler import Scheduler
from runner.messages import Metric, Note, Outcome, Record
from tests.runner.execution.fake_workers import FakeForkServers, FakeWorker
from tests.runner.jobs import SURROUNDINGS
from tests.runner.memory_store import MemoryStore
from tests.waiting import wait_until


class Clock:
    """Stands for the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class ListView:
    """Takes what is shown."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def started(self, job: Job) -> None:
        self.lines.append(f"{job.number} started")

    def show(self, job: Job, records: Iterable[Record]) -> None:
        self.lines.append(f"{job.number} goes on")

    def ended(self, job: Job, end: JobEnd) -> None:
        self.lines.append(f"{job.number} {end.status}")


def work(worker: FakeWorker) -> None:
    """The script of a job without a fault."""
    worker.start()
    worker.hand_over(Metric("loss", worker.x, 0, 0))
    worker.end(Outcome.FINISHED, "", Note(f"x = {worker.x:g}"))


@dataclass
class House:
    """A scheduler and all that is around it."""

    folder: Path
    servers: FakeForkServers = field(default_factory=lambda: FakeForkServers(work))
    view: ListView = field(default_factory=ListView)
    interruption: Interruption = field(default_factory=Interruption)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.folder / "store")
        self.context = Context(self.store)

    def as_sweep(self) -> None:
        """From now on the jobs are those of a sweep."""
        experiment = self.store.client.create_experiment("toy")
        parent = self.store.client.create_run(experiment, 0, {}, "sweep")
        self.context.parent = Parent(parent.info.run_id)

    def signal(self, number: signal.Signals) -> None:
        """What a signal's handler does, at a moment when the scheduler waits for its workers."""
        wait_until(lambda: not self.interruption.is_writing, "the scheduler waits", pause=0.001)
        self.interruption(number, None)

    def scheduler(self, **limits: float | bool) -> Scheduler:
        return Scheduler(self.context, self.view, Limits(**limits), self.interruption, self.servers)  # type: ignore[arg-type]

    def run(self, *jobs: Job, **limits: float | bool) -> dict[int, JobEnd]:
        """The ends of the jobs by their numbers, in the order in which they ended."""
        return {job.number: end for job, end in self.scheduler(**limits).run(jobs)}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path)
    monkeypatch.setattr(os, "kill", house.servers.kill)
    monkeypatch.setattr(environment, "describe", lambda: SURROUNDINGS)
    for drivers in ("NVIDIA", "OTHERS"):
        monkeypatch.setattr(gpu_driver, drivers, ())  # those of this machine
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scheduler, "LONGEST_WAIT", 0.01)
    for module in (scheduler, job_run, worker_process):
        monkeypatch.setattr(module, "time", house.clock)
    yield house
    house.servers.close()
