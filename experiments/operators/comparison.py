"""Compare the jobs of a sweep over ``operators``: the times of each operator side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import attrgetter
from typing import TYPE_CHECKING

from experiments.job_result import SEEDS, JobResult, name_of, replicates
from experiments.measure.between import geometric_mean, interval_between
from experiments.measure.log_ratio import LogRatio, decide
from experiments.measure.verdict import MARGIN, Verdict, what_decides
from experiments.operators.calls import BOTH, FORWARD
from experiments.operators.plots import Bars, bar_figure
from experiments.recorder import Cell, Recorder, Row
from experiments.reporting.figures import COLORS
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import least, most
from experiments.reporting.text import duration, listed
from experiments.series.comparing import (
    ByTurn,
    by_turn,
    common_setting,
    cut_short,
    listing,
    measured_rows,
    ratio_by_turn,
    times_by_turn,
    without_result,
)
from experiments.series.levels import Key

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GROUPS = 6
"""Up to this many groups of jobs stand side by side in the figure and in the note; comparison.csv has them all."""

OperatorCall = Key
"""The name of an operator, and of the call: FORWARD, or BOTH for forward and backward together."""

IN_WORDS = {Verdict.FASTER: "faster", Verdict.SLOWER: "slower", Verdict.SAME: "the same", Verdict.UNSURE: "unsure"}


@dataclass(frozen=True)
class Times:
    """The times that one job measured."""

    job: JobResult
    by_turn: Mapping[OperatorCall, ByTurn]
    """For each call that was measured, the time of each process in seconds."""


@dataclass(frozen=True, eq=False)
class Group:
    """The times of jobs that differ in their seeds alone: replicates, which have one time with one interval."""

    members: Sequence[Times]

    @cached_property
    def name(self) -> str:
        return name_of([times.job for times in self.members])

    @cached_property
    def seconds(self) -> dict[OperatorCall, float]:
        """The geometric mean of all processes of all jobs."""
        calls = dict.fromkeys(call for times in self.members for call in times.by_turn)
        return {call: geometric_mean(list(self.by_turn(call).values())) for call in calls}

    def by_turn(self, call: OperatorCall) -> ByTurn:
        """The times of all processes of all jobs."""
        return {turn: time for times in self.members for turn, time in times.by_turn.get(call, {}).items()}

    def interval(self, call: OperatorCall) -> tuple[float, float]:
        """The 95 % interval of the time, from the spread between all processes; NaN for a single one."""
        return interval_between(list(self.by_turn(call).values()))


@dataclass(frozen=True)
class Speedup:
    """How many times as fast as the first group another one is."""

    call: OperatorCall
    group: Group
    first: Group
    ratio: LogRatio | None
    """The ratio of the times, from pairs of processes where they took turns; None for jobs of one process each."""
    verdict: Verdict | None = None

    @property
    def value(self) -> float:
        return 1 / self.ratio.ratio if self.ratio else self.first.seconds[self.call] / self.group.seconds[self.call]

    @property
    def is_certain(self) -> bool:
        return self.verdict in (Verdict.FASTER, Verdict.SLOWER)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of this one alone; NaN for jobs of one process each."""
        low, high = self.ratio.interval if self.ratio else (math.nan, math.nan)
        return 1 / high, 1 / low

    @property
    def in_words(self) -> str:
        """Such as ``1.48x, faster``."""
        return f"{self.value:.2f}x" + (f", {IN_WORDS[self.verdict]}" if self.verdict else "")


Speedups = Mapping[tuple[OperatorCall, Group], Speedup]
"""What is compared with the first group; calls that either did not measure are left out."""


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Record a table, a figure and a note on those ``members`` that measured anything."""
    found = [times for job in members if (times := times_of(job)).by_turn]
    by_job = {id(times.job): times for times in found}
    groups = [Group([by_job[id(job)] for job in same]) for same in replicates([times.job for times in found])]
    speedups = speedups_of(groups)
    names = operators_of(groups)
    if names:
        recorder.table("comparison", [_row(group, speedups, name) for name in names for group in groups])
    if len(groups) > 1:
        recorder.figure("comparison_operators", partial(comparison_figure, groups[:MOST_GROUPS], names))
    recorder.note(note(members, found, groups, speedups))


def times_of(job: JobResult) -> Times:
    """Read a job's times from its tables; there are none where the job measured nothing."""
    seconds: dict[OperatorCall, float] = {
        (row["operator"], call): time * 1e-6
        for row in measured_rows(job)
        for call in (FORWARD, BOTH)
        if (time := float(row[f"{call}_us"])) > 0
    }
    per_process = times_by_turn(job)
    return Times(job, {call: per_process.get(call) or by_turn(job, {0: time}) for call, time in seconds.items()})


def speedups_of(groups: Sequence[Group]) -> Speedups:
    """Compare each group with the first; the verdicts are made all at once."""
    found = [
        Speedup(call, group, groups[0], ratio_by_turn(group.by_turn(call), groups[0].by_turn(call)))
        for group in groups[1:]
        for call in group.seconds
        if call in groups[0].seconds
    ]
    decided = iter(decide([speedup.ratio for speedup in found if speedup.ratio]))
    judged = [replace(one, verdict=next(decided)) if one.ratio else one for one in found]
    return {(one.call, one.group): one for one in judged}


def operators_of(groups: Sequence[Group]) -> list[str]:
    """The operators that any job measured, the slowest first."""
    slowest: dict[str, float] = {}
    for group in groups:
        for (name, call), seconds in group.seconds.items():
            if call == BOTH:
                slowest[name] = max(seconds, slowest.get(name, 0.0))
    return sorted(slowest, key=lambda name: -slowest[name])


def comparison_figure(groups: Sequence[Group], names: Sequence[str]) -> Figure:
    """A figure with one bar a group for each operator: forward and backward together."""
    bars = []
    for group, color in zip(groups, COLORS, strict=False):
        seconds = [group.seconds.get((name, BOTH), math.nan) for name in names]
        bars.append(Bars(group.name, color, seconds, list(map(duration, seconds))))
    jobs = [times.job for group in groups for times in group.members]
    return bar_figure(names, bars, "forward and backward", common_setting(jobs))


def note(members: Sequence[JobResult], found: Sequence[Times], groups: Sequence[Group], speedups: Speedups) -> str:
    """The comparison in Markdown: the times of forward and backward together, and each group's speedup."""
    names = operators_of(groups)
    parts = [f"**Operators**: {len(found)} of {len(members)} jobs have times."]
    if len(groups) < len(found):
        parts[0] += (
            " Jobs that differ in their seed alone are replicates: they have one time, over all their processes."
        )
    if len(groups) > 1:
        first = literal(groups[0].name)
        parts[0] += f" Forward and backward together; in brackets how many times as fast as {first}."
        parts[0] += _what_stands_out(speedups)
        parts.append(markdown_table([_cells(groups[:MOST_GROUPS], speedups, name) for name in names]))
    elif groups:
        parts.append(markdown_table([_cells_alone(groups[0], name) for name in names]))
    if len(groups) > MOST_GROUPS:
        parts.append(f"and {len(groups) - MOST_GROUPS} more in comparison.csv")
    parts += listing("no times from", without_result(members, found), MOST_GROUPS)
    parts += listing("not finished, but compared", cut_short(found), MOST_GROUPS)
    return "\n\n".join(parts)


def _what_stands_out(speedups: Speedups) -> str:
    """A sentence on what gains and loses most, of what differs for certain; empty where nothing can be compared."""
    found = [speedup for (call, _), speedup in speedups.items() if call[1] == BOTH]
    certain = [speedup for speedup in found if speedup.is_certain]
    if not certain:
        return _why_none_is_certain(found, len(speedups)) if found else ""
    gains, losses = (choose(certain, attrgetter("value")) for choose in (most, least))
    share = f"{len(certain)} of {len(found)} differ for certain"
    if len(gains) == len(found):
        return f" All are {gains[0].value:.2f}x as fast."
    if gains == losses:
        return f" {share}: {_extremes(gains)}."
    return f" {share}; the extremes are {_extremes(gains)} and {_extremes(losses)}."


def _why_none_is_certain(found: Sequence[Speedup], comparisons: int) -> str:
    """What is known instead; ``comparisons`` is the number of verdicts made at once."""
    if all(one.ratio is None for one in found):
        return (
            " One process each gives no verdict: another one may be off by more than they differ, and the machine may "
            "have drifted from job to job. Several that take turns would tell (experiment.timing.processes=5)."
        )
    if all(one.verdict is Verdict.SAME for one in found):
        return f" All take the same time, within {MARGIN:.0%}."
    words = " No operator's time differs for certain"
    needed = {
        one: one.ratio.pairs.processes_among(comparisons, len(one.group.members))
        for one in found
        if one.ratio and one.ratio.pairs and one.verdict is Verdict.UNSURE
    }
    if not needed:
        return f"{words}."
    closest = min(needed, key=needed.__getitem__)
    return f"{words}; {what_decides(needed[closest])} for {_extremes([closest])}."


def _extremes(found: Sequence[Speedup]) -> str:
    """Operators that tie: ``relu with gpu (3.10x)``."""
    names = literal(listed([f"{one.call[0]} with {one.group.name}" for one in found], 3))
    return f"{names} ({found[0].value:.2f}x)"


def _cells(groups: Sequence[Group], speedups: Speedups, name: str) -> dict[str, str]:
    cells = {"operator": name}
    for group in groups:
        cells[group.name] = duration(group.seconds[name, BOTH]) if (name, BOTH) in group.seconds else "-"
        if speedup := speedups.get(((name, BOTH), group)):
            cells[group.name] += f" ({speedup.in_words})"
    return cells


def _cells_alone(group: Group, name: str) -> dict[str, str]:
    """The cells of jobs that nothing is compared with."""
    call = (name, BOTH)
    low, high = group.interval(call)
    return {
        "operator": name,
        "forward and backward": duration(group.seconds[call]),
        "95 % interval": f"{duration(low)} to {duration(high)}" if math.isfinite(low) else "-",
        "processes": f"{len(group.by_turn(call))}",
    }


def _row(group: Group, speedups: Speedups, name: str) -> Row:
    """An operator's times in one group as a row of comparison.csv, with the speedups over the first group."""
    swept = dict(group.members[0].job.varies(but=SEEDS))
    row: dict[str, Cell] = {"operator": name, "job": group.name, "jobs": len(group.members), **swept}
    for call in ((name, FORWARD), (name, BOTH)):
        if call in group.seconds:
            low, high = group.interval(call)
            row[f"{call[1]}_us"] = group.seconds[call] * 1e6
            row[f"{call[1]}_ci_low_us"], row[f"{call[1]}_ci_high_us"] = low * 1e6, high * 1e6
            row |= _speedup_columns(call[1], speedups.get((call, group)))
    return row


def _speedup_columns(call: str, speedup: Speedup | None) -> dict[str, Cell]:
    low, high = speedup.interval if speedup else (math.nan, math.nan)
    return {
        f"{call}_speedup": speedup.value if speedup else None,
        f"{call}_speedup_low": low,
        f"{call}_speedup_high": high,
        f"{call}_verdict": IN_WORDS[speedup.verdict] if speedup and speedup.verdict else None,
    }
