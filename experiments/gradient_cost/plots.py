"""The two figures of a series: ratios and times against the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.gradient_cost.answer import BOUND, GradientCostAnswer
from experiments.gradient_cost.operations import FUNCTION, GRADIENT, HESSIAN
from experiments.measure.ratio import Ratio
from experiments.reporting.figures import BLUE, GREY, ORANGE, new_figure, no_minor_ticks
from experiments.reporting.text import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {FUNCTION: GREY, GRADIENT: BLUE, HESSIAN: ORANGE}
LABELS = {FUNCTION: "function", GRADIENT: "gradient", HESSIAN: "gradient and Hessian's diagonal"}

BOUND_LABEL = f"theoretical bound, about {BOUND:g}"

MOST_TICKS = 10
"""Up to this many sizes, each has its own tick on the axis."""


def cost_figure(answer: GradientCostAnswer) -> Figure:
    """Plot the ratio against n, with its interval as a band and the bound as a line."""
    figure, axes = _new_figure(answer, "cost of the gradient")
    n, ratios = [point.size for point in answer.points], [point.ratio for point in answer.points]
    hessian_ratios = [point.hessian_ratio for point in answer.points if point.hessian_ratio]
    if hessian_ratios:
        draw_ratios(axes, n, hessian_ratios, ORANGE, "gradient and Hessian's diagonal / function")
    draw_ratios(axes, n, ratios, BLUE, "gradient / function", "95 % interval")
    for size, ratio in zip(n, ratios, strict=True):
        beside = (0, -15 if hessian_ratios else 7)  # the Hessian's curve runs above
        at = (size, ratio.value)
        axes.annotate(f"{ratio.value:.2f}", at, beside, textcoords="offset points", ha="center", fontsize=9)
    draw_bound(axes)
    axes.set_ylabel("time of the gradient / time of the function")
    axes.legend(frameon=False, loc="best")
    return figure


def time_figure(answer: GradientCostAnswer) -> Figure:
    """Plot the times of a call against n, both logarithmic, with the 95 % intervals of the medians as bands."""
    from matplotlib.ticker import LogLocator, NullLocator

    figure, axes = _new_figure(answer, "time of a call")
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    n = [point.size for point in answer.points]
    every = list[float]()
    for name in answer.points[0].measurements:
        measurements = [point.measurements[name] for point in answer.points]
        medians = [measurement.median for measurement in measurements]
        axes.plot(n, medians, "o-", color=COLORS[name], markersize=5, label=LABELS[name])
        _band(axes, n, np.array([measurement.interval for measurement in measurements]), COLORS[name])
        every += medians
    if max(every) < 100 * min(every):  # powers of ten alone would leave the axis bare
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.set_ylabel("time a call, median")
    axes.margins(y=0.12)
    axes.legend(frameon=False, loc="best")
    return figure


def draw_ratios(
    axes: Axes, n: Sequence[int], ratios: Sequence[Ratio], color: str, label: str, band_label: str | None = None
) -> None:
    """Plot a curve of ratios with its intervals as a band."""
    axes.plot(n, [ratio.value for ratio in ratios], "o-", color=color, markersize=5, label=label)
    _band(axes, n, np.array([(ratio.low, ratio.high) for ratio in ratios]), color, band_label)


def draw_bound(axes: Axes) -> None:
    """Draw the theoretical bound as a dashed line, and let the axis reach from zero to above it."""
    axes.axhline(BOUND, color="black", linestyle="--", linewidth=1, zorder=1)
    axes.annotate(
        BOUND_LABEL, (0.01, BOUND), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=9
    )
    _, highest = axes.get_ylim()
    axes.set_ylim(0, max(1.08 * highest, 1.25 * BOUND))


def new_axes(title: str, setting: str) -> tuple[Figure, Axes]:
    """Return a figure with a logarithmic axis of sizes."""
    figure, axes = new_figure(title, setting)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    no_minor_ticks(axes)
    return figure, axes


def _band(
    axes: Axes, n: Sequence[int], intervals: npt.NDArray[np.float64], color: str, label: str | None = None
) -> None:
    if np.isfinite(intervals).any():
        axes.fill_between(n, intervals[:, 0], intervals[:, 1], color=color, alpha=0.25, linewidth=0, label=label)


def _new_figure(answer: GradientCostAnswer, what: str) -> tuple[Figure, Axes]:
    workload = answer.settings.workload
    figure, axes = new_axes(f"{workload.title}: {what}", f"{answer.settings.setting}, {answer.placement}")
    axes.set_xlabel(f"n, {workload.size_is}")
    if len(answer.points) <= MOST_TICKS:
        axes.set_xticks([point.size for point in answer.points], [f"{point.size:,}" for point in answer.points])
    return figure, axes
