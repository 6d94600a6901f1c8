"""The figure of the backends: latency against size, with the accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.backend_result import BackendResult
from experiments.deployment.words import call, size
from experiments.reporting.figures import GREEN, ORANGE, name_ticks, new_figure
from experiments.reporting.text import duration, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = (0.115, 0.12, 0.845, 0.77)
"""Left, bottom, width and height of the axes, as shares of the figure."""

GOOD, WORSE = (GREEN, "o"), (ORANGE, "D")

LONGEST_SOURCE = 60
"""Letters of the model's title."""

LABEL_WIDTH, LABEL_HEIGHT = 0.27, 0.075
"""The room that one label takes, as shares of the axes."""


def latency_figure(answer: DeploymentAnswer) -> Figure:
    """Draw the median latency against the size, both logarithmic, with a line up to the 99th percentile.

    A whisker is the 95 % interval of the median. Each point's label gives the accuracy or the error.
    """
    setting = f"{shortened(answer.original.source.title, LONGEST_SOURCE)}, {answer.placement}"
    figure, axes = new_figure("Ways of serving", setting, PLACE)
    axes.set(xscale="log", yscale="log", xlabel="size of what is deployed", ylabel="latency of one example, p50 to p99")
    for result in answer.results:
        _draw(axes, answer, result)
    _set_limits(axes, answer.results)
    _name(axes, answer)
    name_ticks(axes.xaxis)
    name_ticks(axes.yaxis)
    axes.xaxis.set_major_formatter(lambda count, _: size(round(count)))
    axes.yaxis.set_major_formatter(lambda milliseconds, _: duration(milliseconds / 1e3))
    for (color, marker), meaning in ((GOOD, "as good as the original"), (WORSE, "loses against the original")):
        axes.plot([], [], marker, color=color, label=meaning)
    axes.legend(frameon=False, loc="lower right", fontsize=9)
    return figure


def _draw(axes: Axes, answer: DeploymentAnswer, result: BackendResult) -> None:
    color, marker = GOOD if answer.quality.is_as_good(result) else WORSE
    at, p50, (low, high) = result.size_bytes, result.p50_ms.value, result.p50_ms.interval
    axes.plot([at, at], [p50, result.p99_ms.value], "-", color=color, linewidth=1, alpha=0.6)
    axes.plot([at], [p50], marker, color=color, markersize=7)
    if not math.isnan(low):
        axes.errorbar([at], [p50], [[p50 - low], [high - p50]], fmt="none", ecolor="black", capsize=3, linewidth=1)


def _set_limits(axes: Axes, results: Sequence[BackendResult]) -> None:
    """Leave room for labels on the right and for the legend below."""
    sizes = [result.size_bytes for result in results]
    lowest, highest = min(s.p50_ms.value for s in results), max(s.p99_ms.value for s in results)
    width = max(math.log10(max(sizes) / min(sizes)), 0.3)
    axes.set_xlim(min(sizes) / 10 ** (0.08 * width), max(sizes) * 10 ** (0.55 * width))
    axes.set_ylim(lowest / 5, highest * 2)


def _name(axes: Axes, answer: DeploymentAnswer) -> None:
    """Label the points on their right; a label that would cover another one moves to the nearest free height."""
    taken = list[tuple[float, float]]()
    for result in sorted(answer.results, key=lambda result: result.p50_ms.value):
        left, bottom = axes.transAxes.inverted().transform(
            axes.transData.transform((result.size_bytes, result.p50_ms.value))
        )
        steps = sorted(range(-40, 41), key=abs)
        heights = (bottom + step * LABEL_HEIGHT / 4 for step in steps)
        place = next((y for y in heights if 0.04 < y < 0.96 and _is_free(left, y, taken)), bottom)
        taken.append((left, place))
        quality = answer.quality.in_words(result)
        accuracy = "" if quality == "-" else f"\n{answer.original.measure_of_quality} {quality}"
        axes.annotate(
            f"{result.backend.title}, {call(result)}{accuracy}",
            (left + 0.015, place),
            xycoords="axes fraction",
            va="center",
            fontsize=8,
        )


def _is_free(left: float, height: float, taken: list[tuple[float, float]]) -> bool:
    return not any(abs(x - left) < LABEL_WIDTH and abs(y - height) < LABEL_HEIGHT for x, y in taken)
