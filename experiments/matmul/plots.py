"""The two pictures of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.matmul.answer import Answer, duration, where
from experiments.matmul.product import SHAPES
from experiments.roofline import COMPUTE, DISPATCH, MEMORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY = "#1f5fa8", "#6b6b6b"
REGIME_STYLE = {DISPATCH: ("#c44e00", "o"), MEMORY: (BLUE, "s"), COMPUTE: ("#1b7f4b", "^")}

PLACE = (0.1, 0.11, 0.8, 0.79)
"""Of the axes in the figure: left, bottom, width and height."""

MOST_TICKS = 10
"""Up to so many sizes, each one is named on the axis."""


def time_figure(answer: Answer) -> Figure:
    """Time a call against n, both logarithmic, with the 95 % interval of the median as a band."""
    from matplotlib.ticker import LogLocator

    figure, axes = _new_figure(answer, "time of a call")
    n = [point.product.size for point in answer.points]
    medians = [point.measurement.median for point in answer.points]
    axes.plot(n, medians, "o-", color=BLUE, markersize=5, label="median")
    band = np.array([point.measurement.interval for point in answer.points])
    if np.isfinite(band).any():
        axes.fill_between(n, band[:, 0], band[:, 1], color=BLUE, alpha=0.25, linewidth=0, label="95 % interval")
    first_calls = [point.measurement.first_call for point in answer.points]
    axes.plot(n, first_calls, ".:", color=GREY, linewidth=1, label="first call")
    _annotate(axes, (n[-1], medians[-1]), duration(medians[-1]), "above left")
    if len(n) > 1:
        _annotate(axes, (n[0], medians[0]), duration(medians[0]), "below right")
    if max(medians + first_calls) < 100 * min(medians):  # powers of ten alone would leave the axis bare
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.set_ylabel("time a call")
    axes.margins(y=0.12)
    axes.legend(frameon=False, loc="best")
    return figure


def throughput_figure(answer: Answer) -> Figure:
    """FLOP/s against n; the marker tells the regime, the line on top is this machine's best."""
    figure, axes = _new_figure(answer, "throughput")
    n = [point.product.size for point in answer.points]
    axes.plot(n, [point.flops_per_s / 1e9 for point in answer.points], "-", color=GREY, linewidth=1, zorder=1)
    allowed = [answer.roofline.attainable(point.product.flops, point.product.traffic) for point in answer.points]
    axes.plot(n, np.array(allowed) / 1e9, ":", color=GREY, linewidth=1, label="what the limits allow")
    for regime, (color, marker) in REGIME_STYLE.items():
        bound = [point for point in answer.points if answer.regime(point) == regime]
        if bound:
            sizes, rates = [p.product.size for p in bound], [p.flops_per_s / 1e9 for p in bound]
            axes.scatter(sizes, rates, color=color, marker=marker, label=regime, zorder=2)
    _draw_peak(axes, answer)
    rate = answer.best.flops_per_s / 1e9
    best = f"{rate:.3g} GFLOP/s, {answer.share(answer.best)} of the peak"
    _annotate(axes, (answer.best.product.size, rate), best, "above left")
    axes.yaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
    axes.set_ylabel("GFLOP/s")
    axes.margins(y=0.15)
    _add_share_axis(axes, answer.roofline.compute.rate / 1e9)
    axes.legend(frameon=False, loc="lower right")
    return figure


def _draw_peak(axes: Axes, answer: Answer) -> None:
    """The line a user would like to reach."""
    peak = answer.roofline.compute
    axes.axhline(peak.rate / 1e9, color="black", linestyle="--", linewidth=1)
    axes.annotate(
        f"measured peak: {peak.rate / 1e9:.3g} GFLOP/s ({peak.route})",
        (0.01, peak.rate / 1e9),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=9,
    )


def _add_share_axis(axes: Axes, peak: float) -> None:
    """The same axis on the right, in percent of the peak."""
    from matplotlib.ticker import NullLocator

    share = axes.secondary_yaxis(
        "right",
        functions=(lambda rate: np.multiply(rate, 100 / peak), lambda percent: np.multiply(percent, peak / 100)),
    )
    share.yaxis.set_major_formatter(lambda percent, _: f"{percent:g}%")
    share.yaxis.set_minor_locator(NullLocator())
    share.set_ylabel("share of the measured peak", color=GREY)


def _annotate(axes: Axes, at: tuple[float, float], text: str, corner: str) -> None:
    """Writes beside a point: curves rise to the right, so above left and below right are free."""
    right = corner == "below right"
    axes.annotate(
        text,
        at,
        xytext=(4, -6) if right else (-6, 4),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top" if right else "bottom",
        fontsize=9,
    )


def _new_figure(answer: Answer, what: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    matmul = answer.matmul
    # Margins and titles at fixed places, and no minor ticks: finding places for them takes most of a second.
    figure = Figure(figsize=(8, 5), dpi=120)
    axes = figure.add_axes(PLACE)
    axes.set(xscale="log", yscale="log", xlabel="n")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(f"{SHAPES[matmul.shape][0]}: {what}", loc="left", fontweight="bold", y=1.02)
    axes.set_title(f"{matmul.dtype}, {matmul.mode}, {where()}", loc="right", fontsize=9, color=GREY, y=1.02)
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(answer.points) <= MOST_TICKS:
        sizes = [point.product.size for point in answer.points]
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        axes.set_xticks([], minor=True)
    return figure, axes
