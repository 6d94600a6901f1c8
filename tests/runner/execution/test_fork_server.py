"""Real processes from a real fork server; in place of TensorFlow a device is pretended.

The server is itself forked from this process, not started anew, so that it inherits the pretence.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from experiments.experiment import Refused
from experiments.recorder import Recorder
from experiments.runtime import device, preload
from runner.execution.context import Context
from runner.execution.fork_server import ForkServer
from runner.execution.fork_servers import ForkServers
from runner.execution.interruption import Interruption
from runner.execution.job import JobEnd
from runner.execution.limits import Limits
from runner.execution.scheduler import Scheduler
from runner.execution.worker_process import WorkerProcess
from runner.messages import Assignment, Ended, Outcome, Started, StoredInputs
from tests.runner.execution.conftest import ListView
from tests.runner.execution.fake_workers import STARTED
from tests.runner.jobs import SURROUNDINGS, Toy, job
from tests.runner.memory_store import MemoryStore, artifact
from tests.waiting import wait_until


@dataclass
class Ending(Toy):
    """Ends as its x says."""

    name: ClassVar[str] = "ending"

    def run(self, recorder: Recorder) -> None:
        os.write(1, b"a line of output\n")  # as TensorFlow's C++ does
        recorder.table("process", [{"pid": os.getpid()}])
        super().run(recorder)
        if self.x == 1:
            raise Refused("told to refuse")
        if self.x == 2:
            raise ZeroDivisionError("told to")
        if self.x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.x == 4:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        if self.x == 5:
            bytearray(2 * 10**9)


def is_over(pid: int) -> bool:
    """Whether a process has ended, though perhaps nobody has asked how."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture(autouse=True)
def pretended_device(monkeypatch: pytest.MonkeyPatch) -> None:
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr("runner.execution.fork_server.multiprocessing.get_context", lambda method: fork)
    monkeypatch.setattr(preload, "preload", lambda onednn: os.write(1, f"imported with onednn={onednn}\n".encode()))
    monkeypatch.setattr(device, "start", lambda wanted: STARTED.placement)
    monkeypatch.setattr(device, "describe", lambda: STARTED.tensorflow)
    monkeypatch.setattr(device, "scope", nullcontext)


@pytest.fixture
def servers() -> Iterator[ForkServers]:
    servers = ForkServers()
    yield servers
    servers.close()


@pytest.fixture
def run(servers: ForkServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs jobs; returns their ends and their runs."""
    monkeypatch.setattr("runner.environment.describe", lambda: SURROUNDINGS)
    store = MemoryStore(tmp_path / "store")

    def run(*xs: float, **limits: Any) -> tuple[list[JobEnd], list[Any]]:
        scheduler = Scheduler(Context(store), ListView(), Limits(**limits), Interruption(), servers)
        jobs = [job(x=x, number=number, kind=Ending) for number, x in enumerate(xs)]
        return [end for _, end in scheduler.run(jobs)], store.client.runs()

    return run


def test_each_job_has_a_process_of_its_own(run: Callable[..., Any], servers: ForkServers) -> None:
    ends, runs = run(7, 8)
    assert [(end.status, end.metrics) for end in ends] == [("FINISHED", {"loss": 16.0}), ("FINISHED", {"loss": 25.0})]
    pids = {int(artifact(one, "process.csv").split()[1]) for one in runs}
    assert len(pids | {os.getpid()}) == 3
    servers.close()
    assert all(is_over(pid) for pid in pids)
    assert artifact(runs[0], "lab.log") == "imported with onednn=None\na line of output\n"


def test_every_way_to_end(run: Callable[..., Any]) -> None:
    ends, runs = run(1, 2, 3, 4)
    assert [end.reason for end in ends] == [
        "told to refuse",
        "the experiment crashed (ZeroDivisionError: told to); the run has the traceback",
        "the worker process was killed by SIGKILL; the system kills so when memory runs out",
        "interrupted by a signal; what was measured is kept",
    ]
    assert [one.info.status for one in runs] == ["FAILED", "FAILED", "FAILED", "KILLED"]
    assert {one.data.metrics["loss"] for one in runs} == {4.0, 1.0, 0.0}
    assert "told to" in artifact(runs[1], "traceback.txt")


def test_memory_is_limited(run: Callable[..., Any]) -> None:
    ends, _ = run(5, 6, memory_gb=1)
    assert "MemoryError" in ends[0].reason
    assert ends[1].status == "FINISHED"


def started(servers: ForkServers, **device: Any) -> WorkerProcess:
    """A worker whose device computes, and that waits."""
    parts = job(kind=Ending, device=device).parts
    process = WorkerProcess(servers, parts, Assignment(parts.experiment, parts.device))
    while not isinstance(message := process.receive(), Started):
        assert not isinstance(message, Ended), message
    return process


def test_a_server_for_each_value_of_onednn(servers: ForkServers) -> None:
    parts = [job(device={"onednn": onednn}).parts for onednn in (None, True, None)]
    first, second, third = (servers.of(part) for part in parts)
    assert first is third
    assert first is not second


def test_a_dead_server_is_replaced(servers: ForkServers) -> None:
    process = started(servers)
    server = servers.of(job().parts)
    os.kill(server._process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    wait_until(lambda: not server.is_alive(), "the server is dead", pause=0.01)
    process.interrupt()
    process.begin(StoredInputs({}, None))
    while (ended := process.ended) is None:
        process.receive()
    assert ended.outcome in (Outcome.INTERRUPTED, Outcome.DIED)
    process.close()
    assert servers.of(job().parts) is not server
    started(servers).close()


def test_a_worker_that_is_closed_leaves_no_process(servers: ForkServers) -> None:
    process = started(servers)
    server = psutil.Process(servers.of(job().parts)._process.pid)
    (worker,) = server.children()
    process.close()

    def collected() -> bool:
        started(servers).close()  # the server collects at each request the workers of which every thread has ended
        return worker.pid not in [child.pid for child in server.children()]

    wait_until(collected, "the server has collected it", pause=0.01)


def test_a_worker_ends_with_its_scheduler(servers: ForkServers) -> None:
    """At the end of the pipe, even if nobody kills it."""
    number, connection = servers.of(job().parts).fork()
    connection.recv()
    connection.close()
    assert servers.of(job().parts).wait(number) == 0


def test_a_server_that_is_closed_ends(tmp_path: Path) -> None:
    server = ForkServer(None, [], tmp_path / "log")
    _, connection = server.fork()
    assert isinstance(connection.recv(), int)
    connection.send((Assignment(Ending(), device.Device()), tmp_path / "worker.log"))
    assert connection.recv() == STARTED
    server.close()
    assert not server._process.is_alive()
    connection.close()
