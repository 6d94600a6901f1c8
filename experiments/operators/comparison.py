"""What the jobs of a sweep over ``operators`` say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.job_result import JobResult
from experiments.operators.calls import BOTH, FORWARD
from experiments.operators.plots import Bars, bar_figure
from experiments.recorder import Recorder, Row
from experiments.reporting.figures import COLORS
from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_JOBS = 6
"""Side by side in the figure and in the note; comparison.csv has them all."""


@dataclass(frozen=True)
class Times:
    """The seconds of each operator in one job."""

    member: JobResult
    forward: Mapping[str, float]
    both: Mapping[str, float]


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """One table, one figure and one note on the ``members``, as far as they measured anything."""
    found = [times for member in members if (times := times_of(member)).both]
    names = operators_of(found)
    if names:
        recorder.table("comparison", [_row(times, found[0], name) for name in names for times in found])
    if len(found) > 1:
        recorder.figure("comparison_operators", comparison_figure(found[:MOST_JOBS], names))
    recorder.note(note(members, found, names))


def times_of(member: JobResult) -> Times:
    """The times of a job; none where it measured nothing."""
    rows = [row for row in member.table("results") if row["status"] == "measured"]
    forward, both = ({row["operator"]: float(row[f"{call}_us"]) * 1e-6 for row in rows} for call in (FORWARD, BOTH))
    return Times(member, forward, both)


def operators_of(found: Sequence[Times]) -> list[str]:
    """Every operator of any job, the slowest first."""
    slowest: dict[str, float] = {}
    for times in found:
        for name, seconds in times.both.items():
            slowest[name] = max(seconds, slowest.get(name, 0.0))
    return sorted(slowest, key=lambda name: -slowest[name])


def comparison_figure(found: Sequence[Times], names: Sequence[str]) -> Figure:
    """One bar a job for each operator: forward and backward together."""
    bars = []
    for times, color in zip(found, COLORS, strict=False):
        seconds = [times.both.get(name, math.nan) for name in names]
        bars.append(Bars(times.member.name, color, seconds, list(map(duration, seconds))))
    return bar_figure(names, bars, "forward and backward", _setting(found))


def note(members: Sequence[JobResult], found: Sequence[Times], names: Sequence[str]) -> str:
    """The comparison in Markdown: forward and backward together, and how many times faster than the first job."""
    parts = [f"**Operators**: {len(found)} of {len(members)} jobs have times."]
    if len(found) > 1:
        first = found[0].member.name
        parts[0] += f" Forward and backward together; in brackets how many times as fast as {first}."
        parts[0] += _what_stands_out(found)
    if found:
        shown = found[:MOST_JOBS]
        parts.append(markdown_table([_cells(shown, name) for name in names]))
    if len(found) > MOST_JOBS:
        parts.append(f"and {len(found) - MOST_JOBS} more jobs in comparison.csv")
    with_times = {id(times.member) for times in found}
    without = [f"{member.name} ({member.status})" for member in members if id(member) not in with_times]
    cut_short = [f"{times.member.name} ({times.member.status})" for times in found if times.member.status != "FINISHED"]
    parts += [f"no times from: {', '.join(without[:MOST_JOBS])}"] if without else []
    parts += [f"not finished, but compared: {', '.join(cut_short[:MOST_JOBS])}"] if cut_short else []
    return "\n\n".join(parts)


def _what_stands_out(found: Sequence[Times]) -> str:
    """The operator that gains most from what was swept, and the one that loses most."""
    speedups = [
        (found[0].both[name] / seconds, name, times.member.name)
        for times in found[1:]
        for name, seconds in times.both.items()
        if name in found[0].both
    ]
    if not speedups:
        return ""
    (least, slow, slow_job), (most, fast, fast_job) = min(speedups), max(speedups)
    return f" The extremes are {fast} with {fast_job} ({most:.2f}x) and {slow} with {slow_job} ({least:.2f}x)."


def _cells(found: Sequence[Times], name: str) -> dict[str, str]:
    cells = {"operator": name}
    for times in found:
        cells[times.member.name] = _cell(times, found[0], name)
    return cells


def _cell(times: Times, first: Times, name: str) -> str:
    if name not in times.both:
        return "-"
    speedup = "" if times is first or name not in first.both else f" ({first.both[name] / times.both[name]:.2f}x)"
    return f"{duration(times.both[name])}{speedup}"


def _row(times: Times, first: Times, name: str) -> Row:
    """An operator in one job as a row of comparison.csv. Speedups are those against the first job."""
    row: dict[str, str | float | None] = {"operator": name, "job": times.member.name, **times.member.swept}
    for call, own, others in ((FORWARD, times.forward, first.forward), (BOTH, times.both, first.both)):
        if name in own:
            row[f"{call}_us"] = own[name] * 1e6
            row[f"{call}_speedup"] = others[name] / own[name] if name in others else None
    return row


def _setting(found: Sequence[Times]) -> str:
    """What the jobs have in common."""
    values = [{str(times.member.config.get(f"experiment.{key}", "")) for times in found} for key in ("dtype", "mode")]
    return ", ".join(one.pop() for one in values if len(one) == 1 and "" not in one)
