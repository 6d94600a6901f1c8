"""Jobs on a real Ray: one that is started for them, and one that is joined."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil
import pytest

from runner.cluster.cluster import Lost
from runner.cluster.ray_cluster import Ray
from runner.errors import UserError
from tests.cluster.jobs import Job, run
from tests.conftest import ROOT, free_port, run_command
from tests.waiting import PATIENCE, wait_until

SERVERS = ("raylet", "gcs_server")


@pytest.fixture
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a cluster that somebody else has started."""
    # Else it asks for the token that an earlier cluster of this machine has left in ~/.ray, if there is one.
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    address = f"127.0.0.1:{free_port()}"
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2"]
    port = address.split(":")[1]
    with (tmp_path / "head.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def is_up() -> bool:
        said = (tmp_path / "head.log").read_text()
        assert process.poll() is None, said
        return "Ray runtime started" in said

    try:
        wait_until(is_up, "Ray is up", pause=0.2)
        yield address
    finally:
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        process.terminate()
        process.wait(timeout=PATIENCE)
        for member in family[1:]:
            if isinstance(member, psutil.Process) and member.is_running():
                member.kill()
        Path("/tmp/ray/ray_current_cluster").unlink(missing_ok=True)  # where address="auto" would look for it


def test_the_dead_cost_nobody_else_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    handler = signal.signal(signal.SIGTERM, _own_handler)
    jobs = [Job(tmp_path, deed) for deed in ("die", "return", "raise", "exit")]
    results = dict(Ray(cpus_per_job=0.5).map(run, jobs))
    died = results[0]
    assert isinstance(died, Lost)
    assert died.reason.startswith("Ray says WorkerCrashedError: The worker died unexpectedly")
    assert results[1] == f"{tmp_path} {os.environ.get('OMP_NUM_THREADS')} set() {os.nice(0)}"
    assert results[2] == Lost("the job raised ValueError: two lines")
    assert results[3] == Lost("the job raised SystemExit: 3")
    assert [job.starts() for job in jobs] == [1, 1, 1, 1]
    assert capfd.readouterr() == ("", "")
    assert signal.signal(signal.SIGTERM, handler) is _own_handler  # Ray sets one in the submitting process, too
    wait_until(lambda: _rays() == [], "Ray's servers are gone")


def test_a_joined_cluster_stays(head: str, tmp_path: Path) -> None:
    """Its jobs find this checkout, and closing interrupts those that run."""
    (tmp_path / "elsewhere").mkdir()
    program = f"""
import sys, time
sys.path[:0] = [{str(ROOT)!r}]
from pathlib import Path
from types import FrameType
from tests.cluster.jobs import Job, run
from runner.cluster.ray_cluster import Ray
folder = Path({str(tmp_path)!r})
results = Ray(address={head!r}, cpus_per_job=0.5).map(run, [Job(folder), Job(folder, "wait")])
print(next(results))
while not (folder / "wait-ready").exists():
    time.sleep(0.1)
results.close()
"""
    done = run_command("-c", program, cwd=tmp_path / "elsewhere")
    seen = f"{tmp_path}/elsewhere {os.environ.get('OMP_NUM_THREADS')} set() {os.nice(0)}"
    assert done.out.splitlines() == [str((0, seen))]
    assert done.err == ""
    assert Job(tmp_path, "wait").saw("SIGINT")
    assert _rays() != []


def test_no_cluster_there() -> None:
    with pytest.raises(UserError, match=r"no Ray cluster at 127.0.0.1:1: .*refused"):
        list(Ray(address="127.0.0.1:1").map(run, [Job(Path())]))


def test_a_job_too_large_for_this_machine() -> None:
    with pytest.raises(UserError, match=r"this machine cannot give a job CPU=1000"):
        list(Ray(cpus_per_job=1000).map(run, [Job(Path())]))


def test_no_ray_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'tensorflow-lab-bench\[ray\]'"):
        Ray().check()


def _own_handler(number: int, frame: FrameType | None) -> None: ...


def _rays() -> list[str]:
    """The servers of Ray that this process has started, or the cluster that it has started."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if one.name() in SERVERS and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.name())
    return found
