"""Jobs on a real Slurm of one machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.cluster import slurm as slurm_module
from runner.cluster.cluster import Lost
from runner.cluster.slurm import Slurm
from runner.errors import UserError
from tests.cluster.jobs import Job, run
from tests.conftest import ROOT, environment
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def _quick_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_module, "QUEUE_SECONDS", 2.0)


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.usefixtures("slurm")
def test_the_dead_cost_nobody_else_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = [Job(tmp_path, deed) for deed in ("die", "return", "raise", "exit")]
    results = list(Slurm(cpus_per_task=1, mem_gb=0.5, timeout_min=5).map(run, jobs))
    order = [index for index, _ in results]
    died, returned, raised, exited = (dict(results)[index] for index in range(4))
    assert order[-1] == 0  # the others did not wait for it
    assert isinstance(died, Lost)
    assert "FAILED, killed by SIGKILL" in died.reason
    assert Path(died.reason.split()[-1]).is_file()
    assert returned == f"{tmp_path} None set() {os.nice(0)}"
    assert raised == Lost("the job raised ValueError: two lines")
    assert exited == Lost("the job raised SystemExit: 3")
    assert [job.starts() for job in jobs] == [1, 1, 1, 1]


@pytest.mark.usefixtures("slurm")
def test_closing_cancels_with_sigterm_once(tmp_path: Path) -> None:
    jobs = [Job(tmp_path), Job(tmp_path, "wait"), Job(tmp_path, "die")]
    results = Slurm(folder=tmp_path, array_parallelism=2, setup=["export SETUP=1"]).map(run, jobs)
    next(results)
    _wait_for(tmp_path / "wait-ready")
    results.close()
    _wait_for(tmp_path / "wait-saw-SIGTERM")
    assert _ended_within(20)


@pytest.mark.usefixtures("slurm")
def test_one_job_cancelled_by_somebody_before_it_ran(tmp_path: Path) -> None:
    results = Slurm(folder=tmp_path, additional={"hold": True}).map(run, [Job(tmp_path)])
    subprocess.Popen("sleep 3; scancel --user=root", shell=True)
    [(index, lost)] = results
    assert index == 0
    assert isinstance(lost, Lost)
    assert "CANCELLED" in lost.reason


@pytest.mark.usefixtures("slurm")
def test_modules_are_found_from_another_folder(tmp_path: Path) -> None:
    """The function's module is found through sys.path alone, as of a program that was started in its own folder."""
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(Path(__file__).parent / "jobs.py", tmp_path / "jobs_of_mine.py")
    program = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]
from pathlib import Path
from jobs_of_mine import Job, run
from runner.cluster.slurm import Slurm
print(list(Slurm().map(run, [Job(Path({str(tmp_path)!r}))])))
"""
    variables = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path / "elsewhere", env=variables, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == f"[(0, '{tmp_path}/elsewhere None set() {os.nice(0)}')]", done.stderr


@pytest.mark.usefixtures("slurm")
def test_refused_jobs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"Slurm refuses the jobs: .*invalid partition specified: none"):
        list(Slurm(folder=tmp_path, partition="none").map(run, [Job(tmp_path)]))
    assert capfd.readouterr().err == ""


def test_no_slurm_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="no sbatch"):
        Slurm().check()


def test_no_submitit_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'tensorflow-lab-bench\[slurm\]'"):
        Slurm().check()


def _ended_within(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if subprocess.run(["squeue", "--noheader"], capture_output=True).stdout == b"":
            return True
        time.sleep(0.2)
    return False
