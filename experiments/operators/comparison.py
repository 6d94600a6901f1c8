"""Compare the jobs of a sweep over ``operators``: the times of each operator side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from experiments.job_result import JobResult
from experiments.operators.calls import BOTH, FORWARD
from experiments.operators.plots import Bars, bar_figure
from experiments.recorder import Recorder, Row
from experiments.reporting.figures import COLORS
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import least, most
from experiments.reporting.text import duration, listed
from experiments.series.comparing import common_setting, cut_short, listing, measured_rows, without_result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_JOBS = 6
"""Up to this many jobs stand side by side in the figure and in the note; comparison.csv has them all."""


@dataclass(frozen=True)
class Times:
    """The times that one job measured, in seconds a call by the operator's name."""

    job: JobResult
    forward: Mapping[str, float]
    both: Mapping[str, float]
    """Forward and backward together."""


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Record a table, a figure and a note on those ``members`` that measured anything."""
    found = [times for job in members if (times := times_of(job)).both]
    names = operators_of(found)
    if names:
        recorder.table("comparison", [_row(times, found[0], name) for name in names for times in found])
    if len(found) > 1:
        recorder.figure("comparison_operators", partial(comparison_figure, found[:MOST_JOBS], names))
    recorder.note(note(members, found, names))


def times_of(job: JobResult) -> Times:
    """Read a job's times from its tables; both are empty where the job measured nothing."""
    rows = measured_rows(job)
    forward, both = ({row["operator"]: float(row[f"{call}_us"]) * 1e-6 for row in rows} for call in (FORWARD, BOTH))
    return Times(job, forward, both)


def operators_of(found: Sequence[Times]) -> list[str]:
    """The operators that any job measured, the slowest first."""
    slowest: dict[str, float] = {}
    for times in found:
        for name, seconds in times.both.items():
            slowest[name] = max(seconds, slowest.get(name, 0.0))
    return sorted(slowest, key=lambda name: -slowest[name])


def comparison_figure(found: Sequence[Times], names: Sequence[str]) -> Figure:
    """A figure with one bar a job for each operator: forward and backward together."""
    bars = []
    for times, color in zip(found, COLORS, strict=False):
        seconds = [times.both.get(name, math.nan) for name in names]
        bars.append(Bars(times.job.name, color, seconds, list(map(duration, seconds))))
    return bar_figure(names, bars, "forward and backward", common_setting([times.job for times in found]))


def note(members: Sequence[JobResult], found: Sequence[Times], names: Sequence[str]) -> str:
    """The comparison in Markdown: the times of forward and backward together, and each job's speedup over the first."""
    parts = [f"**Operators**: {len(found)} of {len(members)} jobs have times."]
    if len(found) > 1:
        first = found[0].job.name
        parts[0] += f" Forward and backward together; in brackets how many times as fast as {literal(first)}."
        parts[0] += _what_stands_out(found)
    if found:
        shown = found[:MOST_JOBS]
        parts.append(markdown_table([_cells(shown, name) for name in names]))
    if len(found) > MOST_JOBS:
        parts.append(f"and {len(found) - MOST_JOBS} more jobs in comparison.csv")
    parts += listing("no times from", without_result(members, found)[:MOST_JOBS])
    parts += listing("not finished, but compared", cut_short(found)[:MOST_JOBS])
    return "\n\n".join(parts)


def _what_stands_out(found: Sequence[Times]) -> str:
    """A sentence on the operators that gain and lose most from what was swept; empty where none can be compared."""
    speedups = [
        (found[0].both[name] / seconds, name, times.job.name)
        for times in found[1:]
        for name, seconds in times.both.items()
        if name in found[0].both and seconds > 0
    ]
    if not speedups:
        return ""
    gains, losses = most(speedups, itemgetter(0)), least(speedups, itemgetter(0))
    if gains == losses:
        return f" All are {gains[0][0]:.2f}x as fast."
    return f" The extremes are {_extremes(gains)} and {_extremes(losses)}."


def _extremes(found: Sequence[tuple[float, str, str]]) -> str:
    """Operators that tie: ``relu with gpu (3.10x)``."""
    names = literal(listed([f"{name} with {job}" for _, name, job in found], 3))
    return f"{names} ({found[0][0]:.2f}x)"


def _cells(found: Sequence[Times], name: str) -> dict[str, str]:
    cells = {"operator": name}
    for times in found:
        cells[times.job.name] = _cell(times, found[0], name)
    return cells


def _cell(times: Times, first: Times, name: str) -> str:
    if name not in times.both:
        return "-"
    speedup = "" if times is first or name not in first.both else f" ({first.both[name] / times.both[name]:.2f}x)"
    return f"{duration(times.both[name])}{speedup}"


def _row(times: Times, first: Times, name: str) -> Row:
    """An operator's times in one job as a row of comparison.csv, with the speedups over the first job."""
    row: dict[str, str | float | None] = {"operator": name, "job": times.job.name, **times.job.swept}
    for call, own, others in ((FORWARD, times.forward, first.forward), (BOTH, times.both, first.both)):
        if name in own:
            row[f"{call}_us"] = own[name] * 1e6
            row[f"{call}_speedup"] = others[name] / own[name] if name in others else None
    return row
