"""Sweeps that do not go well: the others finish, the statuses say what happened, and a resume completes them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.sweeping import PARENT, Sweeping, artifact, by_x, child, children, only_parent, statuses
from tests.end_to_end.tracking_server import TrackingServer
from tests.needs import needs_root
from tests.reading import client
from tests.waiting import wait_until

TWELVE = "experiment.x=1,2,3,4,5,6,7,8,9,10,11,12"
TWELVE_X = [float(x) for x in range(1, 13)]


@pytest.fixture
def sweeping(tmp_path):
    started = []

    def start(*arguments, **how):
        started.append(Sweeping(tmp_path, *arguments, **how))
        return started[-1]

    yield start
    for sweep in started:
        if sweep.process.poll() is None:
            sweep.process.kill()


def test_every_way_to_fail_is_told_apart(sweeping):
    ways = ["well", "badly", "refusing", "killed", "crashing", "hanging"]
    sweep = sweeping(f"experiment.ends={','.join(ways)}", "hydra.launcher.timeout=2")
    status, out, err = sweep.end()
    assert status == 1
    assert "Traceback" not in err
    store = sweep.store
    assert only_parent(store).info.status == "FAILED"
    assert statuses(store) == {"FINISHED": 1, "FAILED": 5}
    reasons = {way: child(store, ends=way).data.tags.get("reason") for way in ways}
    assert reasons == {
        "well": None,
        "badly": "the experiment crashed (ZeroDivisionError: told to); the run has the traceback",
        "refusing": "told to refuse",
        "killed": "the worker process was killed by SIGKILL; the system kills so when memory runs out",
        "crashing": "the worker process was killed by SIGSEGV",
        "hanging": "it took longer than hydra.launcher.timeout=2.0 seconds; what was measured is kept",
    }
    assert "ZeroDivisionError: told to" in artifact(store, child(store, ends="badly"), "traceback.txt")
    for run in children(store):
        assert run.data.metrics["loss"] == 4.0
        assert artifact(store, run, "lab.log")
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len([line for line in table if " FAILED " in line]) == 5
    rows = list(csv.DictReader(io.StringIO(artifact(store, only_parent(store), "summary.csv"))))
    assert {row["experiment.ends"]: row["status"] for row in rows} == {
        way: "FINISHED" if way == "well" else "FAILED" for way in ways
    }
    assert {row["reason"] for row in rows} == {reason or "" for reason in reasons.values()}


@pytest.mark.parametrize("longest", [0, 0.6], ids=["at birth", "at any time"])
def test_killed_workers_do_not_touch_the_others(sweeping, longest):
    """Nor one that dies before it could say which process it is."""
    sweep = sweeping(TWELVE, "experiment.seconds=0.4", "hydra.launcher.n_jobs=3")
    seen = []
    for _ in range(3):
        worker = sweep.wait_for_worker(besides=seen)
        seen.append(worker)
        time.sleep(random.uniform(0, longest))
        with contextlib.suppress(psutil.NoSuchProcess):  # it may just have ended
            worker.kill()
    status, out, _ = sweep.end()
    failed = [run for run in children(sweep.store) if run.info.status == "FAILED"]
    assert len(failed) <= 3
    assert status == (1 if failed else 0)
    assert all("killed by SIGKILL" in run.data.tags["reason"] for run in failed)
    assert statuses(sweep.store)["FINISHED"] == 12 - len(failed)
    assert sorted(by_x(sweep.store, "FINISHED") + by_x(sweep.store, "FAILED")) == TWELVE_X
    assert out.count("killed by SIGKILL") >= len(failed)


@pytest.mark.parametrize("moment", ["at once", "store", 5])
def test_kill_9_of_the_sweep_then_resume(sweeping, moment):
    """Exactly twelve finished children under one parent, none twice."""
    sweep = sweeping(TWELVE, "experiment.seconds=0.2", fresh=moment == "at once")
    if moment == "at once":
        time.sleep(0.5)
    elif moment == "store":
        while not (sweep.store / "mlflow.db").exists():
            time.sleep(0.01)
    else:
        sweep.wait_for_ends(moment)
        time.sleep(random.uniform(0, 0.3))
    sweep.kill()
    resumed = sweeping(TWELVE, "experiment.seconds=0.2", "sweep.resume=true", fresh=moment == 5)
    status, out, err = resumed.end()
    assert status == 0, err
    store = sweep.store
    assert by_x(store, "FINISHED") == TWELVE_X
    assert only_parent(store).info.status == "FINISHED"
    assert set(statuses(store)) <= {"FINISHED", "KILLED"}
    if isinstance(moment, int):
        assert f"{moment} of 12 jobs are done already" in out or f"{moment + 1} of 12 jobs are done already" in out
    rows = list(csv.DictReader(io.StringIO(artifact(store, only_parent(store), "summary.csv"))))
    assert [row["status"] for row in rows] == ["FINISHED"] * 12
    assert [float(row["experiment.x"]) for row in rows] == TWELVE_X
    assert "sweep.resume" not in rows[0]
    effects = list(csv.DictReader(io.StringIO(artifact(store, only_parent(store), "effects.csv"))))
    assert {row["key"] for row in effects} == {"experiment.x"}


def test_a_sweep_of_unlike_things_goes_on(sweeping):
    """Four pairs of values that go together, each with two devices, one of which has keys of its own."""
    words = (
        *("experiment.x=1,2,3,4", "seed=11,12,13,14", "sweep.zip=[experiment.x,seed]"),
        *("device=cpu,auto", "cpu.intra_op_threads=1,2", "experiment.seconds=0.2"),
    )
    sweep = sweeping(*words)
    sweep.wait_for_ends(5)
    sweep.kill()
    status, out, err = sweeping(*words, "sweep.resume=true").end()
    assert status == 0, err
    assert "of 12 jobs are done already" in out
    done = [run for run in children(sweep.store) if run.info.status == "FINISHED"]
    keys = ("experiment.x", "experiment.seed", "device.kind", "device.intra_op_threads")
    assert sorted(tuple(run.data.params[key] for key in keys) for run in done) == [
        (f"{x}.0", str(10 + x), *device)
        for x in (1, 2, 3, 4)
        for device in (("auto", "None"), ("cpu", "1"), ("cpu", "2"))
    ]
    assert set(statuses(sweep.store)) <= {"FINISHED", "KILLED"}
    rows = csv.DictReader(io.StringIO(artifact(sweep.store, only_parent(sweep.store), "summary.csv")))
    assert [row["status"] for row in rows] == ["FINISHED"] * 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_sweep(sweeping, number):
    sweep = sweeping(TWELVE, "experiment.seconds=1", "hydra.launcher.n_jobs=2")
    sweep.wait_for_ends(2)
    sweep.wait_for_worker()
    time.sleep(0.3)
    sweep.process.send_signal(number)
    status, out, err = sweep.end()
    assert status == 128 + number
    assert "Traceback" not in err
    assert only_parent(sweep.store).info.status == "KILLED"
    counts = statuses(sweep.store)
    assert counts["KILLED"] >= 1
    assert set(counts) == {"FINISHED", "KILLED"}
    assert "not started" in out
    assert err.splitlines()[-1].startswith("runner: interrupted; python -m runner -m ")
    assert err.splitlines()[-1].endswith(" sweep.resume=true goes on with it")


def interrupted(sweep, times=1):
    """Ctrl-C, once or more often, in a job's last part, which would take ten minutes: what standard error says."""
    sweep.wait_for_last_part()
    begun = time.monotonic()
    for number in range(times):
        time.sleep(0.3 * bool(number))
        sweep.process.send_signal(signal.SIGINT)
    status, _, err = sweep.end()
    assert time.monotonic() - begun < 100
    assert status == 130
    assert statuses(sweep.store) == {"KILLED": 1}
    return err


def test_a_deaf_job_does_not_keep_the_sweep_from_ending(sweeping):
    interrupted(sweeping("experiment.ends=hanging", "experiment.x=1,2"))


def test_an_interrupt_that_a_library_swallows_comes_again(sweeping):
    """At the next progress: not only when the worker is given up."""
    sweep = sweeping("experiment.ends=swallowing", "experiment.x=1,2")
    interrupted(sweep)
    (run,) = children(sweep.store)
    assert artifact(sweep.store, run, "results.csv").startswith("x,pid")


def test_a_second_signal_ends_a_deaf_job_at_once(sweeping):
    sweep = sweeping("experiment.ends=hanging", "experiment.x=1,2")
    err = interrupted(sweep, times=2)
    assert "Traceback" not in err
    assert only_parent(sweep.store).info.status == "KILLED"


def measuring(store):
    """How many children are RUNNING and have measured something."""
    return sum(run.info.status == "RUNNING" and "loss" in run.data.metrics for run in children(store))


@needs_root
def test_a_disk_that_fills_up_in_mid_sweep(sweeping, tmp_path, small_disk):
    """What both jobs that go on have measured is saved in folders that the last line names."""
    with small_disk(tmp_path / "store", megabytes=24):
        sweep = sweeping(TWELVE, "experiment.seconds=3", "hydra.launcher.n_jobs=2")
        sweep.wait_for_ends(2)
        wait_until(lambda: measuring(sweep.store) == 2, "the next two have something to lose", pause=0.02)
        with (sweep.store / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"0" * 4096)
        status, out, err = sweep.end()
        assert status == 2
        (line,) = err.splitlines()
        assert line.startswith("runner: the tracking store does not take any more: ")
        folders = [Path(part.split()[0].rstrip(";")) for part in line.split("what was measured is in ")[1:]]
        assert len(folders) == 2
        assert all("loss" in (folder / "metrics.csv").read_text() for folder in folders)
        assert "not started" in out


def test_a_device_that_does_not_start(sweeping):
    """As behind a driver that hangs: what imports TensorFlow is stopped; the next job gets another one."""
    sweep = sweeping("experiment.x=1,2", "hydra.launcher.start_timeout=25", fresh=True)
    sweep.wait_for_server().suspend()
    status, _, _ = sweep.end()
    assert status == 1
    assert statuses(sweep.store) == {"FAILED": 1, "FINISHED": 1}
    reason = child(sweep.store, x=1.0).data.tags["reason"]
    assert reason == "TensorFlow and the device did not start within hydra.launcher.start_timeout=25.0 seconds"


def test_memory_that_is_limited(sweeping):
    sweep = sweeping("experiment.ends=greedy,well", "hydra.launcher.memory_gb=1")
    status, out, _ = sweep.end()
    assert status == 1
    assert statuses(sweep.store) == {"FINISHED": 1, "FAILED": 1}
    assert "MemoryError" in child(sweep.store, ends="greedy").data.tags["reason"]
    assert "MemoryError" in out


def test_fail_fast(sweeping):
    sweep = sweeping("experiment.ends=well,badly,refusing,killed", "hydra.launcher.fail_fast=true")
    status, out, _ = sweep.end()
    assert status == 1
    assert statuses(sweep.store) == {"FINISHED": 1, "FAILED": 1}
    assert out.count("not started") == 3  # two rows of the table, and the count


def test_resume_runs_failed_jobs_again_unless_told_not_to(sweeping, tmp_path):
    ends = "experiment.ends=well,badly"
    assert sweeping(ends).end()[0] == 1
    status, out, _ = sweeping(ends, "sweep.resume=true", "sweep.retry_failed=false").end()
    assert status == 1
    assert "2 of 2 jobs are done already" in out
    store = tmp_path / "store"
    assert statuses(store) == {"FINISHED": 1, "FAILED": 1}

    parent = only_parent(store).info.run_id
    assert sweeping(ends, f"sweep.resume={parent}").end()[0] == 1
    assert statuses(store) == {"FINISHED": 1, "FAILED": 2}
    rows = list(csv.DictReader(io.StringIO(artifact(store, only_parent(store), "summary.csv"))))
    assert sorted(row["status"] for row in rows) == ["FAILED", "FINISHED"]


@pytest.mark.parametrize(
    ("resume", "says"),
    [("nosuchrun", "there is no run nosuchrun"), ("3.5", "is not true, false or the id")],
)
def test_resume_of_what_is_not_there(sweeping, resume, says):
    status, _, err = sweeping("experiment.x=1,2", f"sweep.resume={resume}").end()
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("runner: sweep.resume: ")
    assert says in line


def test_resume_of_a_sweep_that_goes_on_is_refused(sweeping):
    words = ("experiment.x=1,2,3", "experiment.seconds=20")
    sweep = sweeping(*words)
    sweep.wait_for_worker()
    status, _, err = sweeping(*words, "sweep.resume=true").end()
    assert status == 2
    assert "is still going on" in err
    sweep.process.send_signal(signal.SIGINT)
    assert sweep.end()[0] == 130


def test_one_wrong_job_and_none_is_started(sweeping):
    sweep = sweeping("experiment.x=1,2", "device.intra_op_threads=1,0")
    status, _, err = sweep.end()
    assert status == 2
    (line,) = err.splitlines()
    assert line == (
        "runner: job 1 (experiment.x=1 device.intra_op_threads=0): device.intra_op_threads: "
        "0 is not a number from 1 to 1024"
    )
    assert not (sweep.store / "mlflow.db").exists()


def test_conf_that_is_edited_in_mid_sweep_changes_nothing(sweeping, tmp_path):
    choices = tmp_path / "choices" / "device"
    choices.mkdir(parents=True)
    (choices / "mine.yaml").write_text("defaults:\n  - cpu\n  - _self_\nintra_op_threads: 1\n")
    sweep = sweeping(TWELVE, "device=mine", f"hydra.searchpath=[{tmp_path / 'choices'}]", "experiment.seconds=0.2")
    sweep.wait_for_ends(2)
    (choices / "mine.yaml").write_text("defaults:\n  - cpu\n  - _self_\nintra_op_threads: 2\n")
    assert sweep.end()[0] == 0
    assert {run.data.params["device.intra_op_threads"] for run in children(sweep.store)} == {"1"}


def test_a_server_that_is_away_for_twenty_seconds(sweeping, tmp_path):
    """Nothing that was measured is lost."""
    server = TrackingServer(tmp_path)
    try:
        sweep = sweeping(
            "experiment.x=1,2,3,4", "experiment.seconds=2", "tracking=server", f"tracking.uri={server.address}"
        )
        sweep.wait_for_ends(1)
        server.stop()
        time.sleep(20)
        server.start()
        status, out, err = sweep.end()
    finally:
        server.stop()
    assert status == 0, out + err
    found = client(tmp_path / "server", "server.db").search_runs(["1"])
    trials = [run for run in found if PARENT in run.data.tags]
    assert sorted(run.data.metrics["loss"] for run in trials) == [0.0, 1.0, 1.0, 4.0]
    assert {run.info.status for run in found} == {"FINISHED"}


def test_the_process_of_each_job_is_its_own(sweeping):
    sweep = sweeping("experiment.x=1,2,3", "device.onednn=true,false", "device.intra_op_threads=1,2")
    assert sweep.end()[0] == 0
    runs = children(sweep.store)
    pids = {artifact(sweep.store, run, "results.csv").split()[-1] for run in runs}
    assert len(pids) == len(runs) == 12
    assert not any(psutil.pid_exists(int(pid.split(",")[-1])) for pid in pids)
    for run in runs:
        tensorflow = json.loads(artifact(sweep.store, run, "environment.json"))["tensorflow"]
        assert str(tensorflow["intra_op_threads"]) == run.data.params["device.intra_op_threads"]
        assert tensorflow["onednn"] == {"True": "1", "False": "0"}[run.data.params["device.onednn"]]


def test_two_hundred_jobs_eight_at_a_time_in_one_sqlite_store(sweeping):
    sweep = sweeping("experiment.x=range(200)", "hydra.launcher.n_jobs=8")
    status, out, err = sweep.end()
    assert status == 0, err
    assert "locked" not in out + err
    runs = children(sweep.store)
    assert len(runs) == 200
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.metrics["loss"] for run in runs} == {(x - 3) ** 2 for x in range(200)}
    rows = list(csv.DictReader(io.StringIO(artifact(sweep.store, only_parent(sweep.store), "summary.csv"))))
    assert [float(row["experiment.x"]) for row in rows] == list(range(200))
