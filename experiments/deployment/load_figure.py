"""The figure of the backends under load: latency against the rate of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.deployment.answer import DeploymentAnswer
from experiments.reporting.figures import COLORS, GREY, MARKERS, name_sizes, name_ticks, new_figure
from experiments.reporting.labels import Labels
from experiments.reporting.text import duration, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_SOURCE = 60
"""Letters of the model's title."""


def load_figure(answer: DeploymentAnswer) -> Figure:
    """Draw the 99th percentile (solid) and the median (dashed) of each backend against the rate, both logarithmic.

    A whisker is the 95 % interval of the 99th percentile.
    """
    setting = f"{shortened(answer.original.source.title, LONGEST_SOURCE)}, {answer.placement}"
    figure, axes = new_figure("Latency under load", setting)
    axes.set(xscale="log", yscale="log", xlabel="requests a second", ylabel="from arrival to answer: p99, p50 dashed")
    for result, color, marker in zip(answer.results, COLORS, MARKERS, strict=False):
        found = result.under_load
        rates, p99 = list(found), [one.p99_ms.value for one in found.values()]
        axes.plot(rates, [one.p50_ms.value for one in found.values()], "--", color=color, linewidth=1, alpha=0.6)
        axes.plot(rates, p99, "-", marker=marker, color=color, label=result.backend.title, markersize=5)
        for rate, one in found.items():
            axes.plot([rate, rate], one.p99_ms.interval, "-", color=color, linewidth=1)  # NaN draws nothing
    bound = answer.sustained.p99_ms
    axes.axhline(bound, color=GREY, linestyle=":", linewidth=1.2, label=f"bound of p99: {duration(bound / 1e3)}")
    name_sizes(axes, [int(rate) for result in answer.results for rate in result.under_load])
    name_ticks(axes.yaxis)
    axes.yaxis.set_major_formatter(lambda milliseconds, _: duration(milliseconds / 1e3))
    Labels(axes).add_legend()
    return figure
