"""Step i: a sweep of many jobs of which one is killed, watched from outside."""

from __future__ import annotations

import time

from benchmarks.gpu import processes
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.stored import Run
from benchmarks.gpu.watching import Watch

KILLED = 3
"""The number of the job, counted from 1, whose process is killed."""


def look(bench: Bench) -> None:
    jobs = bench.sized(20, 4)
    watch = Watch(KILLED)
    words = (f"device={bench.device}", "experiment.sizes=[64,256]", "experiment.timing.method=textbook")
    before = {run.id for run in bench.store.runs()}
    process, log = bench.start_runner("-m", *words, f"seed=range({jobs})", "sweep.refine=false")
    try:
        while process.poll() is None and time.monotonic() < bench.deadline:
            watch.look(process.pid)
            time.sleep(0.01)
    finally:
        ended = processes.wait(process, log, bench.deadline)
    runs = [run for run in bench.store.runs() if run.id not in before and run.is_job]
    _judge_jobs(bench, runs, jobs, ended.status)
    _judge_processes(bench, watch, jobs)


def _judge_jobs(bench: Bench, runs: list[Run], jobs: int, status: int) -> None:
    statuses = [run.status for run in runs]
    lost = [run for run in runs if run.status != "FINISHED"]
    is_right = statuses.count("FINISHED") == jobs - 1 and len(lost) == 1
    text = ", ".join(f"{statuses.count(one)} {one}" for one in sorted(set(statuses)))
    bench.judge(f"{jobs} jobs, one of them killed: the others finish", is_right, f"{text}; exit status {status}")
    for run in lost:
        bench.note("the one that was killed", f"{run.status}: {run.first_words}")


def _judge_processes(bench: Bench, watch: Watch, jobs: int) -> None:
    servers, workers = watch.servers, watch.workers
    is_right = len(servers) == 1 and len(workers) >= jobs and all(one.has_tensorflow for one in servers.values())
    text = f"{len(workers)} labs, forks of {len(servers)} process that has imported TensorFlow"
    bench.judge("labs are forks of a process that has TensorFlow imported", is_right, text)
    if not bench.on_gpu:
        bench.needs_gpu("that this process never touches the GPU", "memory comes back after each job")
        return
    touched = [one.pid for one in servers.values() if one.has_card]
    used = sum(one.has_card for one in workers.values())
    bench.judge(
        "the process that they are forked from never touches the GPU",
        not touched,
        f"{used} labs had it open, it had not",
    )
    bench.judge("labs use the GPU", used > 0, f"{used} of {len(workers)} were seen with it")
    _judge_memory(bench, watch)


def _judge_memory(bench: Bench, watch: Watch) -> None:
    before, after = watch.free_before, watch.free_now()
    if before is None or after is None:
        bench.note("memory comes back after each job", "the driver does not tell")
        return
    half = len(watch.free) // 2
    first, second = min(watch.free[:half], default=before), min(watch.free[half:], default=before)
    is_back = before - after < 64e6
    text = f"{before / 1e6:,.0f} MB free before, {after / 1e6:,.0f} after"
    bench.judge("the card's memory has come back", is_back, text)
    text = f"least free: {first / 1e6:,.0f} MB in the first half, {second / 1e6:,.0f} in the second"
    bench.judge("memory comes back after each job", first - second < 64e6, text)
