"""The two figures of a series: ratios and times against the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.gradient_cost.answer import BOUND, GradientCostAnswer
from experiments.gradient_cost.operations import FUNCTION, GRADIENT, HESSIAN
from experiments.measure.ratio import Ratio
from experiments.reporting.figures import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    draw_band,
    name_sizes,
    name_ticks,
    new_figure,
    no_minor_ticks,
)
from experiments.reporting.labels import Labels
from experiments.reporting.text import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {FUNCTION: GREY, GRADIENT: BLUE, HESSIAN: ORANGE}
LABELS = {FUNCTION: "function", GRADIENT: "gradient", HESSIAN: "gradient and Hessian's diagonal"}

BOUND_LABEL = f"theoretical bound, about {BOUND:g}"


def cost_figure(answer: GradientCostAnswer) -> Figure:
    """Plot the ratio against n, with its interval as a band and the bound as a line."""
    figure, axes = _new_figure(answer, "cost of the gradient")
    n, ratios = [point.size for point in answer.points], [point.ratio for point in answer.points]
    hessian_ratios = [point.hessian_ratio for point in answer.points if point.hessian_ratio]
    if hessian_ratios:
        draw_ratios(axes, n, hessian_ratios, ORANGE, "gradient and Hessian's diagonal / function")
    draw_ratios(axes, n, ratios, BLUE, "gradient / function", "95 % interval")
    axes.set_ylabel("time of the gradient / time of the function")
    labels = draw_bound(axes, n)
    for size, ratio in zip(n, ratios, strict=True):
        labels.write(f"{ratio.value:.2f}", (size, ratio.value))
    labels.add_legend()
    return figure


def time_figure(answer: GradientCostAnswer) -> Figure:
    """Plot the times of a call against n, both logarithmic, with the 95 % intervals of the medians as bands."""
    figure, axes = _new_figure(answer, "time of a call")
    axes.set_yscale("log")
    n = [point.size for point in answer.points]
    for name, marker in zip(answer.points[0].measurements, MARKERS, strict=False):
        measurements = [point.measurements[name] for point in answer.points]
        medians = [measurement.median for measurement in measurements]
        axes.plot(n, medians, "-", marker=marker, color=COLORS[name], markersize=5, label=LABELS[name])
        draw_band(axes, n, medians, [measurement.interval for measurement in measurements], COLORS[name])
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.set_ylabel("time a call")
    axes.margins(y=0.12)
    name_sizes(axes, n)
    name_ticks(axes.yaxis)
    Labels(axes).add_legend()
    return figure


def draw_ratios(
    axes: Axes,
    n: Sequence[int],
    ratios: Sequence[Ratio],
    color: str,
    label: str,
    band_label: str | None = None,
    marker: str = "o",
) -> None:
    """Plot a curve of ratios with its intervals as a band."""
    values = [ratio.value for ratio in ratios]
    axes.plot(n, values, "-", marker=marker, color=color, markersize=5, label=label)
    draw_band(axes, n, values, [(ratio.low, ratio.high) for ratio in ratios], color, band_label)


def draw_bound(axes: Axes, n: Sequence[int]) -> Labels:
    """Draw the theoretical bound, name it and the sizes, and let the axis reach from zero to above it.

    An interval that says nothing does not stretch the axis. Returns what writes further labels.
    """
    highest = max(float(np.nanmax(line.get_ydata())) for line in axes.lines)
    axes.axhline(BOUND, color="black", linestyle="--", linewidth=1, zorder=1)
    axes.set_ylim(0, 1.25 * max(highest, BOUND))
    name_sizes(axes, n)
    labels = Labels(axes)
    labels.write(BOUND_LABEL, *((size, BOUND) for size in n))
    return labels


def new_axes(title: str, setting: str) -> tuple[Figure, Axes]:
    """Return a figure with a logarithmic axis of sizes."""
    figure, axes = new_figure(title, setting)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    no_minor_ticks(axes)
    return figure, axes


def _new_figure(answer: GradientCostAnswer, what: str) -> tuple[Figure, Axes]:
    workload = answer.settings.workload
    figure, axes = new_axes(f"{workload.title}: {what}", f"{answer.settings.setting}, {answer.placement}")
    axes.set_xlabel(f"n, {workload.size_is}")
    return figure, axes
