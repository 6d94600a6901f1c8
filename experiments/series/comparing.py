"""Parts of the experiments' comparisons: rows, times, settings and the jobs to be named in a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from experiments.job_result import JobResult
from experiments.measure.verdict import TimeRatio, time_ratio
from experiments.reporting.markdown import literal
from experiments.series.levels import Key, levels_of

Turn = tuple[tuple[tuple[str, str], ...], int]
"""The seeds of a job and the number of one of its processes."""

ByTurn = Mapping[Turn, float]
"""The median time of a call in each process, in seconds."""


class Compared(Protocol):
    """Something that an experiment compares, such as a curve; it belongs to one job."""

    @property
    def job(self) -> JobResult: ...


def measured_rows(job: JobResult) -> list[Mapping[str, str]]:
    """The rows of a job's results.csv that hold a measurement."""
    return [row for row in job.table("results") if row["status"] == "measured"]


def times_by_turn(job: JobResult) -> dict[Key, ByTurn]:
    """The times of a job's processes, for each key that its samples.csv has, such as an operator and a call."""
    levels = levels_of(job.table("samples"))
    return {key: {(job.seeds, number): time for number, time in of.items()} for key, of in levels.seconds.items()}


def ratio_by_turn(first: ByTurn, second: ByTurn) -> TimeRatio | None:
    """The ratio of two calls' times, from the processes with the same seed and the same turn.

    Such a pair has met the same operands and the same drift, which cancel. Whatever has no partner is left out: where a
    job has failed, a few pairs less cost little, and an unpaired test would take the drift for noise. None for jobs of
    one process each: they run one after the other, so a drift is in all pairs alike and no number of seeds shows it.
    """
    common = [turn for turn in first if turn in second]
    if len({number for _, number in common}) < 2:
        return None
    return time_ratio([first[turn] for turn in common], [second[turn] for turn in common])


def common_setting(members: Sequence[JobResult]) -> str:
    """The dtype and the mode, each where all jobs agree in it, such as ``float32, graph``."""
    values = [{str(job.config.get(f"experiment.{key}", "")) for job in members} for key in ("dtype", "mode")]
    return ", ".join(found.pop() for found in values if len(found) == 1 and "" not in found)


def without_result(members: Iterable[JobResult], compared: Iterable[Compared]) -> list[str]:
    """The jobs that are not compared, as they have no result, each with its status: ``gpu (FAILED)``."""
    known = {id(one.job) for one in compared}
    return [_with_status(job) for job in members if id(job) not in known]


def cut_short(compared: Iterable[Compared]) -> list[str]:
    """The jobs that are compared although they did not finish, each with its status: ``gpu (KILLED)``."""
    return [_with_status(one.job) for one in compared if one.job.status != "FINISHED"]


def listing(what: str, names: Sequence[str]) -> list[str]:
    """A paragraph ``what: names`` of a note; no paragraph where there are no names."""
    return [f"{what}: {literal(', '.join(names))}"] if names else []


def _with_status(job: JobResult) -> str:
    return f"{job.name} ({job.status})"
