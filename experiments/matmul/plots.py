"""The two figures of a series: time and throughput against the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.matmul.answer import MatmulAnswer
from experiments.reporting.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    draw_band,
    name_sizes,
    name_ticks,
    new_figure,
    no_minor_ticks,
)
from experiments.reporting.labels import Labels
from experiments.reporting.text import duration
from experiments.runtime.roofline import COMPUTE, DISPATCH, MEMORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REGIME_STYLE = {DISPATCH: (ORANGE, "o"), MEMORY: (BLUE, "s"), COMPUTE: (GREEN, "^")}

PLACE = (0.13, 0.11, 0.76, 0.79)
"""Left, bottom, width and height of the axes: the share of the peak is written on the right."""

MOST_SHARES = 6
"""How many shares of the peak are marked: 100 %, 10 %, ... 0.001 %."""


def time_figure(answer: MatmulAnswer) -> Figure:
    """Plot the time of a call against n, both logarithmic, with the 95 % interval of the median as a band."""
    figure, axes = _new_figure(answer, "time of a call")
    n = [point.product.size for point in answer.points]
    medians = [point.measurement.median for point in answer.points]
    axes.plot(n, medians, "o-", color=BLUE, markersize=5, label=answer.statistic)
    draw_band(axes, n, medians, [point.measurement.interval for point in answer.points], BLUE, "95 % interval")
    axes.plot(
        n, [point.measurement.first_call for point in answer.points], ".:", color=GREY, linewidth=1, label="first call"
    )
    axes.set_ylabel("time a call")
    axes.margins(y=0.12)
    labels = _name_axes(axes, answer)
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    labels.write(duration(medians[-1]), (n[-1], medians[-1]))
    if len(n) > 1:
        labels.write(duration(medians[0]), (n[0], medians[0]))
    labels.add_legend()
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
    peak = answer.roofline.compute
    axes.axhline(peak.rate / 1e9, color="black", linestyle="--", linewidth=1)
    axes.set_ylabel("FLOP/s")
    axes.margins(y=0.15)
    labels = _name_axes(axes, answer)
    axes.yaxis.set_major_formatter(_rate)
    labels.write(
        f"measured peak: {peak.rate / 1e9:.3g} GFLOP/s ({peak.route})", *((size, peak.rate / 1e9) for size in n)
    )
    rate = answer.best.flops_per_s / 1e9
    labels.write(f"{rate:.3g} GFLOP/s, {answer.share(answer.best)} of the peak", (answer.best.product.size, rate))
    labels.add_legend()
    _name_shares(axes, peak.rate / 1e9)
    return figure


def _rate(gflops: float, _: object) -> str:
    """Return a rate with its prefix: ``10 M``."""
    from matplotlib.ticker import EngFormatter

    return EngFormatter()(gflops * 1e9)


def _name_axes(axes: Axes, answer: MatmulAnswer) -> Labels:
    name_sizes(axes, [point.product.size for point in answer.points])
    name_ticks(axes.yaxis)
    return Labels(axes)


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


def _new_figure(answer: MatmulAnswer, what: str) -> tuple[Figure, Axes]:
    settings = answer.settings
    figure, axes = new_figure(f"{settings.title}: {what}", f"{settings.setting}, {answer.placement}", PLACE)
    axes.set(xscale="log", yscale="log", xlabel="n")
    no_minor_ticks(axes)
    return figure, axes
