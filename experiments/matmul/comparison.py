"""What the jobs of a sweep over ``matmul`` say together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.job_result import JobResult
from experiments.matmul.crossover import AHEAD, CROSSOVER, Crossover, crossover, in_digits
from experiments.matmul.curves import Sizes, TimeCurve, common_sizes, curve_of
from experiments.matmul.growth import Growth, growth
from experiments.matmul.plots import MOST_TICKS
from experiments.matmul.product import SHAPES
from experiments.recorder import Recorder, Row
from experiments.reporting.figures import COLORS, DASHES, GREY
from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 10
"""Of each kind in the note; the tables have them all."""

MOST_BANDS = 6
"""Up to so many curves have the 95 % intervals of their medians around them."""

MOST_INSIDE = 4
"""Up to so many names have room among the curves."""

COLUMN = 38
"""Names of up to so many letters have room side by side."""

NAMED = 6
"""Of more curves than there are colors, so many of the fastest have one, and a name."""

SHAPE = "experiment.shape"

SEEDS = {"seed", "experiment.seed"}

MOST_IN_PAIRS = 20
"""In a group of more curves, pairs would outnumber what anybody reads: a thousand curves have half a million."""


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Figures, tables and one note on the ``members``, as far as they measured anything."""
    comparison = Comparison(members)
    if comparison.growths:
        recorder.table("growth", [_growth_row(found) for found in comparison.growths])
    if comparison.crossovers:
        recorder.table("crossover", [_crossover_row(found) for found in comparison.crossovers.values()])
    if len(comparison.curves) > 1:
        recorder.figure("comparison_time", time_figure(comparison))
    if comparison.against_baseline:
        recorder.figure("comparison_speedup", speedup_figure(comparison))
    recorder.note(note(comparison))


def _pairs(group: Sequence[TimeCurve]) -> Iterator[tuple[TimeCurve, TimeCurve]]:
    if len(group) <= MOST_IN_PAIRS:
        return combinations(group, 2)
    return ((group[0], other) for other in group[1:])


@dataclass(frozen=True, eq=False)
class Comparison:
    """The jobs of a sweep, and what their curves have to do with each other."""

    members: Sequence[JobResult]

    @cached_property
    def curves(self) -> list[TimeCurve]:
        return [curve for member in self.members if (curve := curve_of(member))]

    @cached_property
    def growths(self) -> list[Growth]:
        return [growth(curve) for curve in self.curves]

    @cached_property
    def questions(self) -> dict[str, list[list[TimeCurve]]]:
        """For each question, such as which dtype, the curves that answer it, in groups that agree in all else.

        Where the devices differ this is the one question; else each key that differs is one. The shape
        comes last: its values are different products, of which none is an alternative to another. Seeds
        make replicates, not alternatives.
        """
        swept = {key for curve in self.curves for key in curve.member.swept}
        differing = [key for key in swept - SEEDS if len({curve.member.swept.get(key) for curve in self.curves}) > 1]
        devices = [key for key in differing if key == "device" or key.startswith("device.")]
        if devices:
            return {"device": self._groups(devices)}
        return {key: self._groups([key]) for key in sorted(differing, key=lambda key: (key == SHAPE, key))}

    @cached_property
    def groups(self) -> list[list[TimeCurve]]:
        """The groups of the first question; the first curve of each is its baseline."""
        return next(iter(self.questions.values()), [[curve] for curve in self.curves])

    @cached_property
    def crossovers(self) -> dict[tuple[TimeCurve, TimeCurve], Crossover]:
        """Of every two curves of a group; in large ones, of every curve with the group's baseline."""
        groups = (group for groups in self.questions.values() for group in groups)
        return {pair: crossover(*pair) for group in groups for pair in _pairs(group)}

    @cached_property
    def against_baseline(self) -> dict[TimeCurve, Crossover]:
        """Of every other curve, with the baseline of its group."""
        pairs = [(group[0], other) for group in self.groups for other in group[1:]]
        return {pair[1]: self.crossovers[pair] for pair in pairs if len(self.crossovers[pair].leads)}

    @cached_property
    def common(self) -> Sizes:
        """The sizes that all curves have."""
        return common_sizes(self.curves)

    @cached_property
    def named(self) -> list[TimeCurve]:
        """The curves that figures name: all, or the fastest.

        These are the fastest at the largest size that all have; without such a size, each at its own largest.
        """
        if len(self.curves) <= len(COLORS):
            return self.curves

        def seconds_at_the_end(curve: TimeCurve) -> float:
            sizes = self.common if len(self.common) else curve.n
            return float(curve.at(sizes[-1:]).seconds[0])

        return sorted(self.curves, key=seconds_at_the_end)[:NAMED]

    def _groups(self, but: Sequence[str]) -> list[list[TimeCurve]]:
        """The curves that differ in the keys ``but`` alone; a CPU comes first, the others as they were asked for."""
        found: dict[Any, list[TimeCurve]] = {}
        for curve in self.curves:
            found.setdefault(curve.member.varies(but), []).append(curve)
        return [sorted(group, key=lambda curve: not curve.device.startswith("CPU")) for group in found.values()]


def note(comparison: Comparison) -> str:
    """The comparison in Markdown."""
    curves, members = comparison.curves, comparison.members
    setting = f" in {common}" if (common := _setting(members)) else ""
    parts = [f"**{_product(members)}**{setting}: {len(curves)} of {len(members)} jobs have a curve."]
    crossovers = sorted(comparison.crossovers.values(), key=_how_telling)
    lines = [f"- {found.in_words()}" for found in crossovers[:MOST_LINES]]
    if len(crossovers) > MOST_LINES:
        lines.append(f"- and {len(crossovers) - MOST_LINES} more in crossover.csv")
    fits = [found for found in comparison.growths if not found.problem]
    if lines:
        parts.append("\n".join(lines))
    if fits:
        parts.append("Growth, fitted as t(n) = a + b n^k:")
        parts.append(markdown_table([_growth_cells(found) for found in fits[:MOST_LINES]]))
    if len(fits) > MOST_LINES:
        parts.append(f"and {len(fits) - MOST_LINES} more in growth.csv")
    with_curve = {id(curve.member) for curve in curves}
    without = [member for member in members if id(member) not in with_curve]
    cut_short = [curve.member for curve in curves if curve.member.status != "FINISHED"]
    parts += _listed("no growth fitted to", [f"{f.curve.label} ({f.problem})" for f in comparison.growths if f.problem])
    parts += _listed("no curve from", [f"{member.name} ({member.status})" for member in without])
    parts += _listed("not finished, but compared", [f"{member.name} ({member.status})" for member in cut_short])
    return "\n\n".join(parts)


def time_figure(comparison: Comparison) -> Figure:
    """Time a call against n for every curve, both logarithmic."""
    figure, axes = _new_figure(comparison, "time of a call")
    for curve, style in _styles(comparison).items():
        axes.plot(curve.n, curve.seconds, label=curve.label if curve in comparison.named else None, **style)
        if len(comparison.curves) <= MOST_BANDS and curve.has_intervals:
            axes.fill_between(curve.n, *curve.intervals.T, color=style["color"], alpha=0.25, linewidth=0)
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.set_ylabel("time a call, median")
    _name_ticks(axes)
    _add_legend(figure, axes, comparison)
    return figure


def speedup_figure(comparison: Comparison) -> Figure:
    """How many times faster than the baseline of its group each other curve is, over n."""
    figure, axes = _new_figure(comparison, "speedup")
    styles = _styles(comparison)
    axes.axhline(1, color="black", linewidth=1, zorder=1)
    for curve, found in comparison.against_baseline.items():
        label = f"{curve.label} against {found.first.label}"
        if found.outcome == CROSSOVER and curve in comparison.named:
            label += f", crossover at n = {in_digits(found.n)}"
            _mark(axes, found, styles[curve])
        speedup = found.first.seconds / found.second.seconds
        axes.plot(found.first.n, speedup, label=label if curve in comparison.named else None, **styles[curve])
    axes.yaxis.set_major_formatter(lambda times, _: f"{times:g}x")
    axes.set_ylabel("speedup")
    _name_ticks(axes)
    _add_legend(figure, axes, comparison)
    return figure


def _mark(axes: Axes, found: Crossover, style: Mapping[str, Any]) -> None:
    """The crossover on the line at 1, with its interval."""
    color, size = style["color"], 7 if "marker" in style else 4
    axes.plot(found.n, 1, "D", color=color, markersize=size, markeredgecolor="white", zorder=4)
    if np.isfinite(found.interval).all():
        axes.plot(found.interval, (1, 1), color=color, linewidth=5, alpha=0.4, solid_capstyle="butt", zorder=3)


def _styles(comparison: Comparison) -> dict[TimeCurve, dict[str, Any]]:
    """How each curve is drawn: groups by color and their curves by dash, a lone group by color.

    Of more curves than there are colors only the named have one, on thin lines.
    """
    curves, groups = comparison.curves, comparison.groups
    if len(curves) > len(COLORS):
        named = dict(zip(comparison.named, COLORS, strict=False))
        thin = [(curve, {"color": named.get(curve, "#c4c4c4"), "linewidth": 0.9}) for curve in curves]
        return {curve: {**style, "zorder": 2 if curve in named else 1} for curve, style in thin}
    if len(groups) == 1 or max(map(len, groups)) > len(DASHES):
        groups = [[curve] for curve in curves]
    return {
        curve: {"color": color, "linestyle": dash, "marker": "o", "markersize": 4}
        for group, color in zip(groups, COLORS, strict=False)
        for curve, dash in zip(group, DASHES, strict=False)
    }


def _add_legend(figure: Figure, axes: Axes, comparison: Comparison) -> None:
    """Inside where it is small, else below, where it covers nothing."""
    total, named = len(comparison.curves), len(comparison.named)
    at = f"n = {comparison.common[-1]:,}" if len(comparison.common) else "their largest n"
    title = f"the {named} fastest of {total} at {at}; the others in grey" if named < total else None
    handles, labels = axes.get_legend_handles_labels()
    style: dict[str, Any] = {"frameon": False, "title": title, "fontsize": 9, "title_fontsize": 9, "handlelength": 3}
    if len(labels) > MOST_INSIDE:
        columns = 2 if max(map(len, labels)) <= COLUMN else 1
        figure.set_figheight(figure.get_figheight() + 0.2 * len(labels) / columns)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, **style)
    elif labels:
        axes.legend(handles, labels, loc="best", **style)


def _name_ticks(axes: Axes) -> None:
    """Ticks for the range: powers of ten alone would leave a small one bare."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = axes.get_ylim()
    if high < 1000 * low:
        subs = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 5, 7)
        axes.yaxis.set_major_locator(LogLocator(subs=subs) if high > 4 * low else MaxNLocator(7))
        axes.yaxis.set_minor_locator(NullLocator())


def _new_figure(comparison: Comparison, what: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="n")
    axes.set_title(f"{_product(comparison.members)}: {what}", loc="left", fontweight="bold")
    axes.set_title(_setting(comparison.members), loc="right", fontsize=9, color=GREY)
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_minor_formatter(NullFormatter())
    sizes = sorted({int(n) for curve in comparison.curves for n in curve.n})
    logs = np.log(sizes)
    if len(sizes) <= MOST_TICKS and np.diff(logs).min(initial=np.inf) >= np.ptp(logs) / 15:  # their names have room
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=9)
        axes.set_xticks([], minor=True)
    return figure, axes


def _product(members: Sequence[JobResult]) -> str:
    """How the product is written, where it is one and the same."""
    shapes = {str(member.config.get(SHAPE)) for member in members}
    return SHAPES[shapes.pop()][0] if len(shapes) == 1 and shapes <= SHAPES.keys() else "matrix product"


def _setting(members: Sequence[JobResult]) -> str:
    """What else the members have in common."""
    values = [{str(member.config.get(f"experiment.{key}", "")) for member in members} for key in ("dtype", "mode")]
    return ", ".join(found.pop() for found in values if len(found) == 1 and "" not in found)


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """A paragraph that names the first of ``names``; none where there are none."""
    more = [f"{len(names) - MOST_LINES} more"] if len(names) > MOST_LINES else []
    return [f"{what}: {', '.join([*names[:MOST_LINES], *more])}"] if names else []


def _how_telling(found: Crossover) -> tuple[int, float]:
    """Sorts crossovers first, then clear leads, each by how much faster."""
    order = {CROSSOVER: 0, AHEAD: 1}
    return order.get(found.outcome, len(order)), -found.speedup if math.isfinite(found.speedup) else 0.0


def _growth_cells(found: Growth) -> dict[str, str]:
    """A fit as a row of the note."""
    low, high = found.k_interval
    interval = f" ({low:.2f} - {high:.2f})" if math.isfinite(low) else ""
    return {
        "series": found.curve.label,
        "fixed cost a": _with_interval(found.a, found.a_interval),
        "b": _with_interval(found.b, found.b_interval),
        "growth k": f"{found.k:.2f}{interval}",
        "largest deviation": f"{found.deviation:.1%} at n={found.deviation_n:,}",
    }


def _with_interval(seconds: float, interval: tuple[float, float]) -> str:
    if not math.isfinite(interval[0]):
        return duration(seconds)
    return f"{duration(seconds)} ({duration(interval[0])} - {duration(interval[1])})"


def _growth_row(found: Growth) -> Row:
    """A fit as a row of growth.csv. Times are microseconds."""
    row: dict[str, Any] = {
        "series": found.curve.label,
        "device": found.curve.device,
        "status": f"no fit: {found.problem}" if found.problem else "fitted",
        "sizes": len(found.curve.n),
    }
    if math.isnan(found.k):
        return row
    for name, value, (low, high), scale in (
        ("a_us", found.a, found.a_interval, 1e6),
        ("b_us", found.b, found.b_interval, 1e6),
        ("k", found.k, found.k_interval, 1.0),
    ):
        row |= {name: value * scale, f"{name}_ci_low": low * scale, f"{name}_ci_high": high * scale}
    return row | {"largest_deviation": found.deviation, "largest_deviation_n": found.deviation_n}


def _crossover_row(found: Crossover) -> Row:
    """A pair as a row of crossover.csv. The speedup is that of the faster one at the largest common size."""
    low, high = found.interval
    return {
        "first": found.first.label,
        "second": found.second.label,
        "outcome": found.outcome,
        "faster": found.faster.label if found.faster else None,
        "speedup": found.speedup,
        "n": found.n,
        "ci_low_n": low,
        "ci_high_n": high,
        "share_of_resamples": found.share,
        "lead_changes": found.lead_changes,
        "first_common_n": int(found.first.n[0]) if len(found.first.n) else None,
        "last_common_n": int(found.first.n[-1]) if len(found.first.n) else None,
    }
