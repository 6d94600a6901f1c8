"""Slurm without Slurm: squeue's answers, submitit's jobs and the passing of time are pretended."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.cluster import slurm, slurm_queue
from runner.cluster.cluster import Lost
from runner.cluster.slurm import Slurm
from runner.cluster.slurm_queue import EndedJob, ended
from runner.errors import UserError


@dataclass
class Squeue:
    """Stands for the module subprocess."""

    out: str = ""
    err: str = ""
    status: int = 0
    commands: list[list[str]] = field(default_factory=list)

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, self.status, self.out, self.err)


@pytest.fixture
def squeue(monkeypatch: pytest.MonkeyPatch) -> Squeue:
    squeue = Squeue()
    monkeypatch.setattr(slurm_queue, "subprocess", squeue)
    return squeue


def line(job: str, state: str, status: int) -> str:
    return f"{job:<20}|{state:<20}|{status:<10}|\n"


def test_what_squeue_says(squeue: Squeue) -> None:
    squeue.out = (
        line("7_0", "COMPLETED", 0)
        + line("7_1", "RUNNING", 0)
        + line("7_2", "FAILED", 3 << 8)
        + line("7_3", "OUT_OF_MEMORY", 9)
        + line("7_4", "CANCELLED", (128 + 15) << 8)
        + line("8_0", "FAILED", 0)
    )
    found = ended("7", {f"7_{number}" for number in range(6)})
    assert {job: str(end) for job, end in found.items()} == {
        "7_0": "is COMPLETED, exit status 0",
        "7_2": "is FAILED, exit status 3",
        "7_3": "is OUT_OF_MEMORY, killed by SIGKILL",
        "7_4": "is CANCELLED, killed by SIGTERM",
        "7_5": "is no longer known to Slurm",
    }
    assert "--jobs=7" in squeue.commands[0]


def test_a_controller_that_does_not_answer_tells_nothing(squeue: Squeue) -> None:
    squeue.status, squeue.err = 1, "slurm_load_jobs error: Unable to contact slurm controller"
    assert ended("7", {"7_0"}) == {}
    squeue.err = "slurm_load_jobs error: Invalid job id specified"  # it has forgotten the whole array
    assert ended("7", {"7_0"}) == {"7_0": EndedJob("")}


class Clock:
    """Stands for the module time; sleeping costs none."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Task:
    """A job of submitit."""

    folder: Path
    job_id: str

    @property
    def paths(self) -> SimpleNamespace:
        pickle = self.folder / f"{self.job_id}.pkl"
        return SimpleNamespace(folder=self.folder, result_pickle=pickle, stderr=self.folder / f"{self.job_id}.err")

    def finish(self) -> None:
        self.paths.result_pickle.write_text(f"result of {self.job_id}")

    def result(self) -> str:
        return self.paths.result_pickle.read_text()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(slurm, "time", clock)
    return clock


def tasks(folder: Path, count: int) -> dict[str, Any]:
    return {f"7_{number}": Task(folder, f"7_{number}") for number in range(count)}


def test_results_come_as_they_are_left(tmp_path: Path, clock: Clock, squeue: Squeue) -> None:
    running = tasks(tmp_path, 2)
    running["7_1"].finish()
    found = slurm._finished(running)
    assert next(found) == ("7_1", "result of 7_1")
    running["7_0"].finish()
    assert list(found) == [("7_0", "result of 7_0")]
    assert squeue.commands == []  # the living leave a file; nobody need be asked


def test_a_job_is_lost_when_it_is_said_twice(tmp_path: Path, clock: Clock, squeue: Squeue) -> None:
    squeue.out = line("7_0", "NODE_FAIL", 9) + line("7_1", "RUNNING", 0)
    running = tasks(tmp_path, 2)
    found = slurm._finished(running)
    log = tmp_path / "7_0.err"
    lost = Lost(f"Slurm job 7_0 is NODE_FAIL, killed by SIGKILL; what it printed is in {log}")
    assert next(found) == ("7_0", lost)
    assert len(squeue.commands) == 2
    assert clock.now == pytest.approx(2 * slurm.QUEUE_SECONDS, abs=2)
    running["7_1"].finish()
    assert list(found) == [("7_1", "result of 7_1")]


def test_a_result_that_comes_late_is_a_result(tmp_path: Path, clock: Clock, squeue: Squeue) -> None:
    """Through a network file system."""
    squeue.out = line("7_0", "COMPLETED", 0)
    running = tasks(tmp_path, 1)
    task = running["7_0"]
    really_run = squeue.run

    def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        task.finish()
        return really_run(command, **more)

    squeue.run = run  # type: ignore[method-assign]
    assert list(slurm._finished(running)) == [("7_0", "result of 7_0")]


def test_what_is_asked_of_slurm() -> None:
    parameters = Slurm(mem_gb=1.5, cpus_per_task=4, additional={"mail-user": "me", "signal": "USR1"})._parameters(12)
    assert parameters["mem"] == "1536M"
    assert parameters["srun_args"] == ["--cpus-per-task=4"]
    assert parameters["array_parallelism"] == 12
    assert parameters["additional_parameters"] == {"signal": "USR1", "mail-user": "me", "no-requeue": True}
    nothing = Slurm(array_parallelism=2)._parameters(12)
    assert (nothing["mem"], nothing["srun_args"], nothing["array_parallelism"]) == (None, None, 2)
    assert nothing["additional_parameters"]["signal"] == "TERM@30"


def test_a_machine_without_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="there is no sbatch here"):
        Slurm().check()
