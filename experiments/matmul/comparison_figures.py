"""The figures of a sweep over ``matmul``: times and speedups of all curves over the size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.matmul.crossover import CROSSOVER, Crossover, in_digits
from experiments.matmul.curves import TimeCurve
from experiments.matmul.pairing import Comparison
from experiments.reporting.figures import COLORS, DASHES, GREY, MARKERS, draw_band, label, name_sizes, name_ticks
from experiments.reporting.labels import Labels
from experiments.reporting.text import duration
from experiments.series.comparing import common_setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BANDS = 6
"""Up to this many curves are drawn with the 95 % intervals of their medians around them."""

MOST_INSIDE = 4
"""Up to this many names have room among the curves."""

COLUMN = 38
"""Names of up to this many letters have room side by side."""


def time_figure(comparison: Comparison) -> Figure:
    """The time of a call over n for every curve, on logarithmic axes."""
    figure, axes = _new_figure(comparison, "time of a call")
    for curve, style in _styles(comparison).items():
        axes.plot(curve.n, curve.seconds, label=label(curve.label) if curve in comparison.named else None, **style)
        if len(comparison.curves) <= MOST_BANDS and curve.has_intervals:
            draw_band(axes, curve.n, curve.seconds, curve.intervals, style["color"])
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.set_ylabel("time a call")
    name_ticks(axes.yaxis)
    _name(figure, axes, comparison)
    return figure


def speedup_figure(comparison: Comparison) -> Figure:
    """The speedup of each curve over the baseline of its group, over n, with the crossovers marked."""
    figure, axes = _new_figure(comparison, "speedup")
    styles = _styles(comparison)
    axes.axhline(1, color="black", linewidth=1, zorder=1)
    for curve, found in comparison.against_baseline.items():
        name = f"{label(curve.label)} against {label(found.first.label)}"
        if found.outcome == CROSSOVER and curve in comparison.named:
            name += f", crossover {_place(found)}"
            _mark(axes, found, styles[curve])
        speedup = np.exp(-found.leads.gap)
        axes.plot(found.first.n, speedup, label=name if curve in comparison.named else None, **styles[curve])
    axes.yaxis.set_major_formatter(lambda times, _: f"{times:g}x")
    axes.set_ylabel("speedup")
    name_ticks(axes.yaxis)
    _name(figure, axes, comparison)
    return figure


def _mark(axes: Axes, found: Crossover, style: Mapping[str, Any]) -> None:
    """Mark the crossover on the line at 1, with its interval."""
    color, size = style["color"], 7 if "marker" in style else 4
    axes.plot(found.interval, (1, 1), color=color, linewidth=5, alpha=0.4, solid_capstyle="butt", zorder=3)
    if found.is_narrow:
        axes.plot(found.n, 1, "D", color=color, markersize=size, markeredgecolor="white", zorder=4)


def _place(found: Crossover) -> str:
    if found.is_narrow:
        return f"at n = {in_digits(found.n)}"
    return f"between n = {in_digits(found.interval[0])} and {in_digits(found.interval[1])}"


def _styles(comparison: Comparison) -> dict[TimeCurve, dict[str, Any]]:
    """The style of each curve: one color a group and one dash a curve in it, or one color a curve.

    Where there are more curves than colors, all lines are thin and only the named curves are colored.
    """
    curves, groups = comparison.curves, comparison.groups
    if len(curves) > len(COLORS):
        named = dict(zip(comparison.named, COLORS, strict=False))
        thin = [(curve, {"color": named.get(curve, "#c4c4c4"), "linewidth": 0.9}) for curve in curves]
        return {curve: {**style, "zorder": 2 if curve in named else 1} for curve, style in thin}
    if len(groups) == 1 or max(map(len, groups)) > len(DASHES):
        groups = [[curve] for curve in curves]
    return {
        curve: {"color": color, "linestyle": dash, "marker": marker, "markersize": 4}
        for group, color, marker in zip(groups, COLORS, MARKERS, strict=False)
        for curve, dash in zip(group, DASHES, strict=False)
    }


def _name(figure: Figure, axes: Axes, comparison: Comparison) -> None:
    """Name the sizes; put a small legend inside the axes, and a large one below them, where it covers nothing."""
    name_sizes(axes, [int(n) for curve in comparison.curves for n in curve.n])
    total, named = len(comparison.curves), len(comparison.named)
    at = f"n = {comparison.common[-1]:,}" if len(comparison.common) else "their largest n"
    title = f"the {named} fastest of {total} at {at}; the others in grey" if named < total else None
    handles, labels = axes.get_legend_handles_labels()
    style: dict[str, Any] = {"title": title, "title_fontsize": 9, "handlelength": 3}
    if len(labels) > MOST_INSIDE:
        columns = 2 if max(map(len, labels)) <= COLUMN else 1
        figure.set_figheight(figure.get_figheight() + 0.2 * len(labels) / columns)
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9, **style)
    else:
        Labels(axes).add_legend(**style)


def _new_figure(comparison: Comparison, what: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="n")
    axes.set_title(f"{comparison.product}: {what}", loc="left", fontweight="bold")
    axes.set_title(label(common_setting(comparison.members)), loc="right", fontsize=9, color=GREY)
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_minor_formatter(NullFormatter())
    return figure, axes
