"""The figure of a series, and the bars that a sweep's figure consists of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.operators.answer import OperatorsAnswer
from experiments.operators.series import OperatorPoint
from experiments.reporting.figures import BLUE, HATCHES, ORANGE, label, name_ticks, new_figure
from experiments.reporting.text import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


WIDTH, LEFT, RIGHT, TOP, BOTTOM = 9.0, 1.55, 0.3, 0.55, 0.6
"""Inches: the width of the figure, and the margins around the axes."""

BAR, GAP = 0.19, 0.1
"""Inches: a bar's height, and the space between two operators."""

ROOM = 0.22
"""The share of the axis to the right of the longest bar, for the text written there."""


@dataclass(frozen=True)
class Bars:
    """Bars of one color, one for each operator; NaN seconds leave a bar out."""

    label: str
    color: str
    seconds: Sequence[float]
    texts: Sequence[str]
    """The text at the end of each bar."""


def time_figure(answer: OperatorsAnswer) -> Figure:
    """Draw two bars per operator, the slowest on top: the time of forward, and of forward and backward together."""
    points = answer.points
    forward = Bars("forward", BLUE, [point.forward.median for point in points], list(map(_forward_text, points)))
    both = [point.both.median for point in points]
    together = Bars("forward and backward", ORANGE, both, list(map(duration, both)))
    names = [point.operator.name for point in points]
    setting = f"{answer.settings.setting}, {answer.placement}"
    return bar_figure(names, [forward, together], "time of common operators", setting)


def bar_figure(names: Sequence[str], bars: Sequence[Bars], title: str, setting: str) -> Figure:
    """Draw horizontal bars, one group for each name from the top down, on a logarithmic axis of time."""
    figure, axes = _new_figure(len(names), len(bars), title, setting)
    group = len(bars) * BAR + GAP
    for turn, one in enumerate(bars):
        at = [index * group + (turn + 0.5) * BAR for index in range(len(names))]
        hatch, named = HATCHES[turn % len(HATCHES)], label(one.label)
        axes.barh(
            at, one.seconds, 0.92 * BAR, color=one.color, hatch=hatch, edgecolor="white", linewidth=0, label=named
        )
        for y, seconds, text in zip(at, one.seconds, one.texts, strict=True):
            if math.isfinite(seconds):
                axes.annotate(text, (seconds, y), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks([index * group + len(bars) * BAR / 2 for index in range(len(names))], names)
    axes.set_ylim(len(names) * group - GAP / 2, -GAP / 2)
    _scale_time(axes, [seconds for one in bars for seconds in one.seconds if math.isfinite(seconds)])
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure


def _forward_text(point: OperatorPoint) -> str:
    time, rate = duration(point.forward.median), point.flops_per_s
    return time if rate is None else f"{time}, {rate / 1e9:.3g} GFLOP/s"


def _scale_time(axes: Axes, seconds: Sequence[float]) -> None:
    """Let the axis begin below the shortest time, so that its bar is visible, and leave room for the longest's text."""
    low, high = min(seconds) / 2, max(seconds)
    axes.set_xscale("log")
    axes.set_xlim(low, high * (high / low) ** (ROOM / (1 - ROOM)))
    name_ticks(axes.xaxis)
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))


def _new_figure(groups: int, bars: int, title: str, setting: str) -> tuple[Figure, Axes]:
    """Return a figure as high as its bars need."""
    inside = max(groups, 2) * (bars * BAR + GAP)
    height = inside + TOP + BOTTOM
    place = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + RIGHT) / WIDTH, inside / height)
    figure, axes = new_figure(title, setting, place, (WIDTH, height), 1 + 0.1 / inside)
    axes.set_xlabel("time a call")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    return figure, axes
