"""What else happens on the machine while something is measured."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections import namedtuple
from itertools import count

import psutil
import pytest

from experiments.gradient_cost import GradientCost
from experiments.gradient_cost.workloads import LogSumExp
from experiments.job_result import JobResult
from experiments.matmul import Matmul
from experiments.measure import Timing, turns
from experiments.operators import Operators
from experiments.operators.size import Size
from experiments.runtime import control_groups, disturbance
from experiments.runtime.disturbance import Disturbance, since_start
from experiments.series.disturbances import in_words, metrics, of_jobs
from experiments.testing import MemoryRecorder

LOOP = "while True: pass"
NAN = math.nan

Times = namedtuple("Times", "user nice system idle steal")


@pytest.fixture(autouse=True)
def fresh_files():
    """The machine is looked at anew before and after each test."""
    caches = (disturbance._usable_cores, disturbance._heat_counters, disturbance._quota_counters)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize(
    ("found", "others", "steal"),
    [
        (Disturbance(seconds=2, capacity=4, busy=3, own=1), 0.5, 0.0),
        (Disturbance(seconds=2, capacity=4, busy=1, own=1.01, stolen=1), 0.0, 0.25),  # ticks are coarser than own times
        (Disturbance(seconds=2, capacity=4, busy=9, own=1), 1.0, 0.0),
        (Disturbance(seconds=0.05, capacity=0.1, busy=0.1, own=0.02), NAN, NAN),  # five ticks
        (Disturbance(seconds=2, capacity=4, busy=0, own=2), NAN, 0.0),  # gVisor: its counters stand still
        (Disturbance(), NAN, NAN),
    ],
)
def test_the_shares_of_a_machine(found, others, steal):
    assert (found.others_share, found.steal_share) == pytest.approx((others, steal), nan_ok=True)


def test_visits_add_up_by_their_time():
    long, short = Disturbance(seconds=3, capacity=6, busy=3), Disturbance(seconds=1, capacity=2, busy=2)
    assert (long + short).others_share == 5 / 8


def test_only_the_cores_that_this_process_may_use_count(monkeypatch):
    """A container with the second of three cores; the others are busy."""
    ticks = count()

    def cpu_times(percpu=False):
        now = next(ticks)
        return [Times(now, 0, 0, 0, 0), Times(0.25 * now, 0, 0.25 * now, 0, 0.125 * now), Times(now, 0, 0, 0, 0)]

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1}, raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 3)
    monkeypatch.setattr(psutil, "cpu_times", cpu_times)
    monkeypatch.setattr(disturbance, "perf_counter", count(100).__next__)
    before = since_start(own=0.0)
    found = since_start(own=0.25) - before
    assert (found.capacity, found.others_share, found.steal_share) == (1, 0.25, 0.125)


def test_throttling_is_read_where_the_system_counts_it(monkeypatch, tmp_path):
    """Two packages of two cores, and a container in a pod, of which the pod has the quota."""
    for core in range(4):
        folder = tmp_path / f"cpu/cpu{core}"
        for name, text in {
            "thermal_throttle/package_throttle_count": "5\n",
            "topology/physical_package_id": core // 2,
        }.items():
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text(str(text))
    pod = tmp_path / "cgroup/pod"
    (pod / "container").mkdir(parents=True)
    (tmp_path / "cgroup/cpu.stat").write_text("usage_usec 1\n")
    (pod / "cpu.stat").write_text("usage_usec 1\nnr_periods 9\nnr_throttled 7\nthrottled_usec 3\n")
    (tmp_path / "own").write_text("3:cpuset:/\n0::/pod/container\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(disturbance, "CPUS", tmp_path / "cpu")
    monkeypatch.setattr(control_groups, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(control_groups, "OWN", tmp_path / "own")
    before = since_start()
    assert (before.too_hot, before.over_quota) == (10, 7)
    (tmp_path / "cpu/cpu2/thermal_throttle/package_throttle_count").write_text("6\n")
    assert (since_start() - before).throttled == 1


def test_throttling_is_not_known_where_nothing_counts_it(monkeypatch, tmp_path):
    monkeypatch.setattr(disturbance, "CPUS", tmp_path / "missing")
    monkeypatch.setattr(control_groups, "OWN", tmp_path / "missing")
    assert math.isnan((since_start() - since_start()).throttled)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Disturbance(2, 4, busy=1.38, own=1), ""),
        (
            Disturbance(2, 4, busy=2.36, own=1),
            "Other programs took 34% of this machine while it measured. The times may be longer for it.",
        ),
        (
            Disturbance(2, 4, stolen=2, too_hot=3, over_quota=NAN),
            "The host gave 50% of this virtual machine's processors to others meanwhile. The processor was slowed down "
            "3 times, since it was too hot. The times may be longer for it.",
        ),
        (
            Disturbance(0.01, 0.02, over_quota=2),
            "The container had used up its quota of CPU time 2 times. The times may be longer for it.",
        ),
    ],
)
def test_a_disturbance_in_words(found, words):
    assert in_words(found) == [words] * bool(words)


def test_the_metrics_are_those_that_are_known():
    assert metrics(Disturbance(2, 4, busy=1, own=1)) == {"disturbance/others_share": 0.0}
    assert metrics(Disturbance(2, 4, stolen=1, too_hot=3)) == {
        "disturbance/others_share": 0.0,
        "disturbance/steal_share": 0.25,
        "disturbance/throttled": 3,
    }
    assert metrics(Disturbance()) == {}


def test_a_sweep_says_how_many_jobs_were_disturbed():
    jobs = [
        JobResult(name, "FINISHED", {}, {}, "CPU:0", {"disturbance/others_share": share}, lambda table: [])
        for name, share in {"quiet": 0.02, "loud": 0.12, "louder": 0.341}.items()
    ]
    jobs.append(JobResult("none", "FAILED", {}, {}, "", {}, lambda table: []))
    assert of_jobs(jobs) == (
        "Other programs took up to 34% of the machine beside 2 of 4 jobs: their times may be longer for it."
    )
    assert of_jobs(jobs[:1]) == ""


THREE = Timing(processes=3, max_seconds=0.03, warmup_seconds=0.0, block_seconds=0.001, min_samples=3)
TINY = Size(batch=2, units=12, sequence=3, heads=2, vocabulary=7, side=5, channels=3, kernel=2)


@pytest.mark.parametrize(
    "experiment",
    [
        Matmul(sizes=[1, 10], timing=THREE),
        Operators(operators=["relu", "dense"], size=TINY, timing=THREE),
        GradientCost(workload=LogSumExp(sizes=[5, 50]), timing=THREE),
    ],
    ids=lambda experiment: experiment.name,
)
def test_every_point_says_what_happened_in_all_of_its_processes(on_device, monkeypatch, experiment):
    """Each visit lasts a second on two cores; others take half of them, and the quota is used up once."""
    readings = (Disturbance(now, 2 * now, 1.5 * now, 0.5 * now, 0.0, NAN, now) for now in count())
    monkeypatch.setattr(turns, "since_start", readings.__next__)
    recorder = MemoryRecorder()
    recorder.run_to_end(experiment.run)
    assert recorder.tables["results"]
    for row in recorder.tables["results"]:
        assert (row["others_share"], row["steal_share"], row["throttled"]) == (0.5, 0.0, 3)
    assert recorder.metrics["disturbance/others_share", 0] == 0.5
    assert recorder.notes[-1].count("Other programs took 50% of this machine while it measured.") == 1


@pytest.mark.alone
def test_busy_programs_are_found_and_this_process_is_none_of_them():
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(psutil.cpu_count() or 1)]
    try:
        time.sleep(0.3)
        assert watched(0.5).others_share > 0.6
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    pairs = [(watched(0.2).others_share, watched(0.2, compute=True).others_share) for _ in range(8)]
    idle, computing = map(min, zip(*pairs, strict=True))
    assert computing < idle + 0.2


def watched(seconds: float, compute: bool = False) -> Disturbance:
    """What happens in so many seconds, in which this process computes or sleeps."""
    before, end = since_start(), time.perf_counter() + seconds
    while compute and time.perf_counter() < end:
        pass
    time.sleep(max(0.0, end - time.perf_counter()))
    return since_start() - before
