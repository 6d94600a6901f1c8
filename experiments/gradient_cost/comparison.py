"""Compare the jobs of a sweep over ``gradient_cost``: the ratios of gradient to function side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.gradient_cost.answer import BOUND, above_bound, in_words, perhaps_above
from experiments.gradient_cost.plots import draw_bound, new_axes
from experiments.job_result import JobResult, name_of, replicates
from experiments.measure.ratio import Ratio, pooled
from experiments.recorder import Recorder
from experiments.reporting.figures import COLORS, DASHES, MARKERS, label
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import least, most
from experiments.reporting.text import listed
from experiments.series.comparing import common_setting, cut_short, listing, measured_rows, without_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 20
"""Up to this many curves, and names of jobs, stand in the note."""


@dataclass(frozen=True)
class RatioCurve:
    """The ratios that a job, or its replicates, measured: the time of the gradient over that of the function.

    Sizes ascend.
    """

    job: JobResult
    sizes: list[int]
    ratios: list[Ratio]
    name: str


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Record a figure and a note on those ``members`` that measured anything."""
    found = [curve for job in members if (curve := curve_of(job)).sizes]
    curves = without_seeds(found)
    if len(curves) > 1:
        recorder.figure("comparison_cost", partial(cost_figure, curves))
    recorder.note(note(members, found, curves))


def curve_of(job: JobResult) -> RatioCurve:
    """Read a job's curve from its tables; it has no sizes where the job measured nothing."""
    rows = sorted(measured_rows(job), key=lambda row: int(row["n"]))
    return RatioCurve(job, [int(row["n"]) for row in rows], list(map(_ratio_of, rows)), job.name)


def without_seeds(found: Sequence[RatioCurve]) -> list[RatioCurve]:
    """Make one curve of those that differ in their seeds alone: they are replicates."""
    of_job = {id(curve.job): curve for curve in found}
    return [_of_replicates([of_job[id(job)] for job in same]) for same in replicates([curve.job for curve in found])]


def _of_replicates(same: Sequence[RatioCurve]) -> RatioCurve:
    by_size: dict[int, list[Ratio]] = {}
    for curve in same:
        for size, ratio in zip(curve.sizes, curve.ratios, strict=True):
            by_size.setdefault(size, []).append(ratio)
    sizes = sorted(by_size)
    return RatioCurve(same[0].job, sizes, [pooled(by_size[size]) for size in sizes], name_of([one.job for one in same]))


def _ratio_of(row: Mapping[str, str]) -> Ratio:
    value, low, high = (float(row[key] or math.nan) for key in ("ratio", "ratio_low", "ratio_high"))
    return Ratio(value, low, high, int(row.get("function_processes") or 1))  # older runs had one process


def note(members: Sequence[JobResult], found: Sequence[RatioCurve], curves: Sequence[RatioCurve]) -> str:
    """The comparison in Markdown; ``found`` has a curve for each job, ``curves`` one for all replicates."""
    parts = [f"**Cost of the gradient**: {len(found)} of {len(members)} jobs have a curve."]
    if len(curves) < len(found):
        parts[0] += (
            " Jobs that differ in their seed alone are replicates: they have one curve, over all their processes."
        )
    if curves:
        parts[0] += _on_the_bound(curves)
        parts.append(markdown_table([_cells(curve) for curve in curves[:MOST_LINES]]))
    if len(curves) > MOST_LINES:
        parts.append(f"and {len(curves) - MOST_LINES} more")
    parts += listing("no curve from", without_result(members, found), MOST_LINES)
    parts += listing("not finished, but compared", cut_short(found), MOST_LINES)
    return "\n\n".join(parts)


def _on_the_bound(curves: Sequence[RatioCurve]) -> str:
    """Sentences on the curves above the bound; what is certain is so over all curves and sizes together."""
    ratios = [ratio for curve in curves for ratio in curve.ratios]
    above, perhaps = (_names_of(curves, which(ratios)) for which in (above_bound, perhaps_above))
    names = f": {literal(listed(above, MOST_LINES))}" if above else ""
    words = f" {len(above)} of them exceed the theoretical bound of about {BOUND:g} for certain at some size{names}."
    if perhaps:
        words += f" Above it, but of one process only: {literal(listed(perhaps, MOST_LINES))}."
    return words


def _names_of(curves: Sequence[RatioCurve], chosen: Sequence[bool]) -> list[str]:
    """The jobs with a chosen ratio; there is a choice for each ratio of each curve."""
    choices = iter(chosen)
    chosen_of = [[next(choices) for _ in curve.ratios] for curve in curves]
    return [curve.name for curve, of_curve in zip(curves, chosen_of, strict=True) if any(of_curve)]


def cost_figure(curves: Sequence[RatioCurve]) -> Figure:
    """A figure with every job's ratios over the size, and the theoretical bound."""
    figure, axes = new_axes("cost of the gradient", common_setting([curve.job for curve in curves]))
    for index, curve in enumerate(curves):
        color, marker = COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
        _draw(axes, curve, color, DASHES[index // len(COLORS) % len(DASHES)], marker)
    labels = draw_bound(axes, [size for curve in curves for size in curve.sizes])
    axes.set(xlabel="n, in each workload's own unit", ylabel="time of the gradient / time of the function")
    labels.add_legend(columns=2 if len(curves) > 4 else 1)
    return figure


def _draw(axes: Axes, curve: RatioCurve, color: str, dash: str, marker: str) -> None:
    """Draw a curve, and its intervals as thin lines: the bands of many curves would cover each other."""
    values = np.array([ratio.value for ratio in curve.ratios])
    lows, highs = (np.array(ends) for ends in zip(*((r.low, r.high) for r in curve.ratios), strict=True))
    axes.plot(curve.sizes, values, marker, linestyle=dash, color=color, markersize=5, label=label(curve.name))
    axes.vlines(curve.sizes, lows, highs, color=color, alpha=0.5, linewidth=2)


def _cells(curve: RatioCurve) -> dict[str, str]:
    by_size = dict(zip(curve.sizes, curve.ratios, strict=True))
    smallest, largest = (choose(by_size, lambda size: by_size[size].value) for choose in (least, most))
    return {
        "job": curve.name,
        "smallest ratio": _ratio(by_size, smallest),
        "largest ratio": _ratio(by_size, largest),
        "at n": listed([f"{size:,}" for size in _perhaps_largest(by_size, largest)], 3) or "-",
        "at the largest n": _ratio(by_size, curve.sizes[-1:]),
        "interval there": in_words(curve.ratios[-1]),
    }


def _perhaps_largest(by_size: Mapping[int, Ratio], largest: Sequence[int]) -> list[int]:
    """The sizes of which the interval reaches that of the largest ratio: any of them may have the largest."""
    if not largest or not math.isfinite(low := by_size[largest[0]].low):
        return list(largest)
    return [size for size, ratio in by_size.items() if size in largest or ratio.high >= low]


def _ratio(by_size: Mapping[int, Ratio], sizes: Sequence[int]) -> str:
    """The ratio at the first of ``sizes``; a dash where there is none."""
    return f"{by_size[sizes[0]].value:.2f}" if sizes and math.isfinite(by_size[sizes[0]].value) else "-"
