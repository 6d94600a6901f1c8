"""The two figures of a series: time and throughput against the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.matmul.answer import MatmulAnswer
from experiments.reporting.figures import BLUE, GREEN, GREY, ORANGE, new_figure, no_minor_ticks
from experiments.reporting.text import duration
from experiments.runtime.roofline import COMPUTE, DISPATCH, MEMORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REGIME_STYLE = {DISPATCH: (ORANGE, "o"), MEMORY: (BLUE, "s"), COMPUTE: (GREEN, "^")}

PLACE = (0.115, 0.11, 0.775, 0.79)
"""Left, bottom, width and height of the axes: the share of the peak is written on the right."""

MOST_SHARES = 6
"""How many shares of the peak are marked: 100 %, 10 %, ... 0.001 %."""

MOST_TICKS = 10
"""Up to this many sizes, each has its own tick on the axis."""


def time_figure(answer: MatmulAnswer) -> Figure:
    """Plot the time of a call against n, both logarithmic, with the 95 % interval of the median as a band."""
    from matplotlib.ticker import LogLocator

    figure, axes = _new_figure(answer, "time of a call")
    n = [point.product.size for point in answer.points]
    medians = [point.measurement.median for point in answer.points]
    axes.plot(n, medians, "o-", color=BLUE, markersize=5, label=answer.statistic)
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


def throughput_figure(answer: MatmulAnswer) -> Figure:
    """Plot FLOP/s against n. Markers tell the regimes apart; the dashed line is the measured peak."""
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
    near_the_peak = answer.share_of_peak(answer.best) > 0.3  # where the peak's own line is written
    _annotate(axes, (answer.best.product.size, rate), best, "below left" if near_the_peak else "above left")
    axes.yaxis.set_major_formatter(lambda rate, _: f"{rate:.10f}".rstrip("0").rstrip("."))
    axes.set_ylabel("GFLOP/s")
    axes.margins(y=0.15)
    axes.legend(frameon=False, loc="lower right")
    _name_shares(axes, answer.roofline.compute.rate / 1e9)
    return figure


def _draw_peak(axes: Axes, answer: MatmulAnswer) -> None:
    """Draw the measured peak as a dashed line."""
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


def _name_shares(axes: Axes, peak: float) -> None:
    """Mark 100 %, 10 %, ... of the peak on the right. (A second axis would take as long as the whole figure.)"""
    lowest, _ = axes.get_ylim()
    beside = axes.get_yaxis_transform()
    for power in range(MOST_SHARES):
        rate = peak / 10**power
        if rate < lowest:
            break
        axes.plot([1, 1.008], [rate, rate], "-", color=GREY, linewidth=0.8, transform=beside, clip_on=False)
        axes.text(1.014, rate, f"{100 / 10**power:g}%", transform=beside, va="center", fontsize=9, color=GREY)
    axes.text(1.1, 0.5, "share of the measured peak", transform=axes.transAxes, rotation=90, va="center", color=GREY)


def _annotate(axes: Axes, at: tuple[float, float], text: str, corner: str) -> None:
    """Write beside a point. Curves rise to the right, so above left and below right are free."""
    vertical, horizontal = corner.split()
    below = -6 if horizontal == "right" else -24  # on the left, below means below the curve
    axes.annotate(
        text,
        at,
        xytext=(4 if horizontal == "right" else -6, 4 if vertical == "above" else below),
        textcoords="offset points",
        ha="left" if horizontal == "right" else "right",
        va="bottom" if vertical == "above" else "top",
        fontsize=9,
    )


def _new_figure(answer: MatmulAnswer, what: str) -> tuple[Figure, Axes]:
    settings = answer.settings
    figure, axes = new_figure(f"{settings.title}: {what}", f"{settings.setting}, {answer.placement}", PLACE)
    axes.set(xscale="log", yscale="log", xlabel="n")
    no_minor_ticks(axes)
    if len(answer.points) <= MOST_TICKS:
        sizes = [point.product.size for point in answer.points]
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
    return figure, axes
