"""Runs that do not reach their end: what was measured is kept, and the status says what happened."""

from __future__ import annotations

import contextlib
import csv
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import QUICK, environment, family_of, start_command
from tests.end_to_end.tracking_server import TrackingServer
from tests.needs import needs_root
from tests.reading import artifacts, client, history, only_run, runs
from tests.waiting import PATIENCE, SOON, wait_until

LONG = (
    "experiment.sizes=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]",
    "experiment.timing.processes=1",
    "experiment.timing.target=0",
    "device=cpu",
)


class Going:
    """A long run that is going on."""

    def __init__(self, folder: Path, *arguments: str, fresh: bool = False) -> None:
        self.store = folder / "store"
        words = ("-m", "runner", "tracking.dir=store", *LONG, *arguments)
        self.process = start_command(*words, cwd=folder, fresh=fresh)

    def wait_for_points(self, count: int) -> None:
        """Returns when so many points are complete."""
        assert self.process.stdout is not None
        lines = 0
        for line in self.process.stdout:
            lines += line.startswith("n=")
            if lines == count:
                return
        raise AssertionError(self.process.stderr.read())

    def worker(self) -> psutil.Process:
        """The fork of the fork server that does the work."""
        (worker,) = (worker for server in psutil.Process(self.process.pid).children() for worker in server.children())
        return worker

    def end(self) -> tuple[int, str]:
        """Exit status and standard error; nothing of it may be left."""
        family = family_of(self.process)
        _, err = self.process.communicate(timeout=SOON)
        _, alive = psutil.wait_procs(family, timeout=SOON)
        assert not alive
        return self.process.returncode, err


@pytest.fixture
def going(tmp_path):
    started = []

    def start(*arguments, **how):
        started.append(Going(tmp_path, *arguments, **how))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_with_what_it_has(going, number):
    run = going("experiment.timing.max_seconds=0.5")
    run.wait_for_points(2)
    run.process.send_signal(number)
    status, err = run.end()
    assert status == 128 + number
    # Of a single process no other command can take over anything: none is named.
    assert err.splitlines() == [f"runner: interrupted by {number.name}; what was measured is kept"]
    tracked = only_run(run.store)
    assert tracked.info.status == "KILLED"
    assert len(history(run.store, tracked, "time/median_us")) >= 2
    assert f"interrupted by {number.name}" in tracked.data.tags["mlflow.note.content"]
    assert len(list((artifacts(run.store, tracked) / "plots").glob("*.png"))) == 2


def test_ctrl_c_names_the_command_that_takes_over_whole_processes(going, runner):
    words = ("experiment.sizes=[1,1000]", "experiment.timing.processes=3", "experiment.timing.max_seconds=1")
    run = going(*words)
    wait_until(lambda: any(run.store.glob("artifacts/*/*/artifacts/processes/1.json")), "a process is done")
    run.process.send_signal(signal.SIGINT)
    status, err = run.end()
    assert status == 130
    why, how = err.splitlines()
    assert why == "runner: interrupted by SIGINT; what was measured is kept"
    assert (how.split()[:5], how.split()[-5:]) == (
        ["runner:", "interrupted;", "python", "-m", "runner"],
        ["sweep.resume=true", "goes", "on", "with", "it"],
    )
    named = shlex.split(how.partition("-m runner ")[2].removesuffix(" goes on with it"))
    again = runner(*named)
    assert again.status == 0, again.err
    assert "FINISHED" in {run.info.status for run in runs(run.store)}


def test_a_run_killed_in_its_third_process_is_resumed_with_the_two_that_are_missing(going, runner):
    """One run in the end, and none of its four processes measured twice."""
    words = ("experiment.sizes=[1,1000]", "experiment.timing.processes=4", "experiment.timing.max_seconds=1")
    run = going(*words)
    wait_until(lambda: any(run.store.glob("artifacts/*/*/artifacts/processes/2.json")), "two processes are done")
    run.process.kill()
    run.process.wait()
    kept = {path: path.read_bytes() for path in run.store.glob("artifacts/*/*/artifacts/processes/*.json")}
    assert len(kept) == 2
    assert runner(*LONG, *words, "sweep.resume=true").status == 0
    tracked = only_run(run.store)
    assert tracked.info.status == "FINISHED"
    assert all(path.read_bytes() == content for path, content in kept.items())
    with (artifacts(run.store, tracked) / "samples.csv").open() as file:
        measured = {(int(row["n"]), int(row["process"])) for row in csv.DictReader(file)}
    assert measured == {(n, process) for n in (1, 1000) for process in range(4)}
    assert sorted(history(run.store, tracked, "time/median_us")) == [1, 1000]


def test_a_signal_before_there_is_a_run(going):
    run = going(fresh=True)
    while not psutil.Process(run.process.pid).children():
        time.sleep(0.05)
    run.process.send_signal(signal.SIGINT)
    status, err = run.end()
    assert status == 130
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert not (run.store / "mlflow.db").exists() or runs(run.store) == []


def test_a_reader_that_goes_away_does_not_end_the_run(going):
    run = going("experiment.sizes=[1,2,3]", "experiment.timing.max_seconds=0.3")
    run.wait_for_points(1)
    run.process.stdout.close()
    assert run.process.wait(timeout=PATIENCE) == 0
    assert run.process.stderr.read() == ""
    assert only_run(run.store).info.status == "FINISHED"


def test_a_full_disk_under_the_output_does_not_end_the_run(tmp_path):
    """A night's sweep into a file, say."""
    command = [sys.executable, "-m", "runner", "tracking.dir=store", "experiment.sizes=[1]", *QUICK]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.stderr == "runner: standard output: No space left on device; the work goes on in silence\n"
    assert done.returncode == 1
    assert only_run(tmp_path / "store").info.status == "FINISHED"


def test_a_closed_output_is_no_crash(tmp_path):
    command = f"{sys.executable} -m runner --help >&-"
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_goes_away_is_not_waited_for_for_ever(going, tmp_path):
    """Ctrl-C twice ends even the waiting for a store; what was measured is saved."""
    server = TrackingServer(tmp_path)
    run = going("tracking=server", f"tracking.uri={server.address}", "experiment.timing.max_seconds=0.3")
    run.wait_for_points(2)
    server.stop()
    time.sleep(3)  # by now a point is complete that cannot be written
    run.process.send_signal(signal.SIGINT)
    time.sleep(1)
    run.process.send_signal(signal.SIGINT)
    status, err = run.end()
    assert status == 2
    line = err.splitlines()[-1]
    assert "Traceback" not in err
    assert line.startswith("runner: interrupted while writing to the store; what was measured is in ")
    assert (Path(line.rpartition(" ")[2]) / "metrics.csv").read_text().count("time/median_us") >= 2


def test_kill_9_keeps_the_points_and_the_next_start_says_killed(going, runner):
    run = going("experiment.timing.max_seconds=0.3")
    run.wait_for_points(3)
    worker = run.worker()
    run.process.kill()
    run.process.wait()
    assert not psutil.wait_procs([worker], timeout=SOON)[1]
    dead = only_run(run.store)
    assert dead.info.status == "RUNNING"
    assert len(history(run.store, dead, "time/median_us")) >= 3
    assert (artifacts(run.store, dead) / "results.csv").read_text().count("measured") >= 3

    done = runner("experiment.sizes=[1]", *QUICK)
    assert done.status == 0
    assert "marked as KILLED: 1" in done.out
    assert client(run.store).get_run(dead.info.run_id).info.status == "KILLED"


def test_a_run_that_is_going_on_is_left_alone(going, runner):
    run = going("experiment.timing.max_seconds=2")
    run.wait_for_points(1)
    worker = run.worker()
    worker.suspend()  # else it might come to its end first, on a slow machine
    try:
        assert runner("experiment.sizes=[1]", *QUICK).status == 0
        assert sorted(found.info.status for found in runs(run.store)) == ["FINISHED", "RUNNING"]
    finally:
        worker.resume()


def test_a_worker_that_is_killed_fails_the_run(going):
    run = going("experiment.timing.max_seconds=0.3")
    run.wait_for_points(2)
    run.worker().kill()
    status, err = run.end()
    assert status == 1
    assert "the worker process was killed by SIGKILL" in err
    assert "Traceback" not in err
    tracked = only_run(run.store)
    assert tracked.info.status == "FAILED"
    assert len(history(run.store, tracked, "time/median_us")) >= 2


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"0" * 4096)


@needs_root
def test_a_disk_that_fills_up_in_mid_run(going, tmp_path, small_disk):
    with small_disk(tmp_path / "store", megabytes=24):
        run = going("experiment.timing.max_seconds=0.3")
        run.wait_for_points(2)
        _fill(run.store / "filling")
        status, err = run.end()
        assert status == 2
        (line,) = err.splitlines()
        assert line.startswith("runner: the tracking store does not take any more: database or disk is full; ")
        rescued = Path(line.rpartition(" ")[2])
        assert (rescued / "results.csv").read_text().count("measured") >= 2
        assert (rescued / "plots" / "time.png").exists()
