"""Parts of the experiments' comparisons: rows, times, settings and the jobs to be named in a note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Protocol

from experiments.job_result import JobResult
from experiments.measure.log_ratio import UNKNOWN_DRIFT, LogRatio, of_processes, took_turns
from experiments.reporting.markdown import literal
from experiments.reporting.text import listed
from experiments.runtime.transfer import IN_WORDS as TRANSFER
from experiments.runtime.transfer import NONE
from experiments.series.levels import Key, levels_of

Turn = tuple[tuple[tuple[str, str], ...], str]
"""The seeds of a job and the turn of one of its processes."""

ByTurn = Mapping[Turn, float]
"""The median time of a call in each process, in seconds."""


class HasJob(Protocol):
    """Something that an experiment compares, such as a curve; it belongs to one job."""

    @property
    def job(self) -> JobResult: ...


def measured_rows(job: JobResult) -> list[Mapping[str, str]]:
    """The rows of a job's results.csv that hold a measurement."""
    return [row for row in job.table("results") if row["status"] == "measured"]


def times_by_turn(job: JobResult) -> dict[Key, ByTurn]:
    """The times of a job's processes, for each key that its samples.csv has, such as an operator and a call."""
    return {key: by_turn(job, of_key) for key, of_key in levels_of(job.table("samples")).seconds.items()}


def by_turn(job: JobResult, levels: Mapping[int, float]) -> ByTurn:
    """The times of a job's processes, given by the numbers of the processes."""
    return {(job.seeds, job.turn_of(process)): time for process, time in levels.items()}


def ratio_by_turn(first: ByTurn, second: ByTurn) -> LogRatio | None:
    """The ratio of two calls' times, from the processes with the same seed and the same turn where they took turns.

    Such a pair has met the same operands and the same drift, which cancel. None for jobs of one process each: they run
    one after the other, so a drift is in all of them alike and no number of seeds shows it.
    """
    if not (_has_several_processes(first) and _has_several_processes(second)):
        return None
    return of_processes(first, second)


def _has_several_processes(one: ByTurn) -> bool:
    """Whether any job has several processes, rather than several jobs one each."""
    return max(Counter(seeds for seeds, _ in one).values(), default=0) > 1


def on_turns(jobs: Sequence[JobResult]) -> str:
    """A sentence on timings that no turns keep comparable; empty where there are none."""
    several = [job for job in jobs if len(job.turns) > 1]
    pairs = [(one, other) for one, other in combinations(several, 2) if one.seeds == other.seeds]
    apart = sum(not took_turns(one.turns, other.turns) for one, other in pairs)
    if not apart:
        return ""
    which = "The jobs" if apart == len(pairs) else "Not all jobs"
    verb = "did not take" if apart == len(pairs) else "took"
    return (
        f"{which} {verb} turns: a drift, or another machine, differs between those that did not and is in no interval. "
        f"Only a difference of more than {UNKNOWN_DRIFT:.0%} counts between them."
    )


def common_setting(members: Sequence[JobResult]) -> str:
    """The dtype, the mode and the transfer, each where all jobs agree in it, such as ``float32, graph``."""
    keys = ("dtype", "mode", "transfer")
    values = [{str(job.config.get(f"experiment.{key}", "")) for job in members} for key in keys]
    common = [found.pop() for found in values if len(found) == 1]
    return ", ".join(TRANSFER.get(value, value) for value in common if value not in ("", NONE))


def without_result(members: Iterable[JobResult], compared: Iterable[HasJob]) -> list[str]:
    """The jobs that are not compared, as they have no result, each with its status: ``gpu (FAILED)``."""
    known = {id(one.job) for one in compared}
    return [_with_status(job) for job in members if id(job) not in known]


def cut_short(compared: Iterable[HasJob]) -> list[str]:
    """The jobs that are compared although they did not finish, each with its status: ``gpu (KILLED)``."""
    return [_with_status(one.job) for one in compared if one.job.status != "FINISHED"]


def listing(what: str, names: Sequence[str], most: int) -> list[str]:
    """A paragraph ``what: names`` of a note, with ``most`` of the names; no paragraph where there are none."""
    return [f"{what}: {literal(listed(names, most))}"] if names else []


def _with_status(job: JobResult) -> str:
    return f"{job.name} ({job.status})"
