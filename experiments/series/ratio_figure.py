"""The figure of two runs: the ratio of their times with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from experiments.measure.verdict import Verdict
from experiments.reporting.figures import (
    BLUE,
    COLORS,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    label,
    name_sizes,
    name_ticks,
    new_figure,
    no_minor_ticks,
)
from experiments.series.two_runs import Compared

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = (0.115, 0.13, 0.855, 0.77)
SIZE_COLUMN = "n"
TITLE, DIRECTION = "time of B / time of A", "ratio, below 1: B is faster"
MOST_NAMES = 12
LONGEST_NAME = 30
"""Two names of up to this many letters have room beside the title."""
VERDICT_COLORS = {Verdict.FASTER: GREEN, Verdict.SLOWER: ORANGE, Verdict.SAME: BLUE, Verdict.UNSURE: GREY}
VERDICT_MARKERS = dict(zip(VERDICT_COLORS, ("v", "^", "s", "o"), strict=True))


def ratio_figure(compared: Sequence[Compared], first: str, second: str) -> Figure:
    """Plot the time of B over that of A with its 95 % interval: against n where there are sizes, else one by one.

    ``first`` and ``second`` are the names of A and B, of up to :data:`LONGEST_NAME` letters. Markers show the verdicts.
    """
    which = f"A: {first}, B: {second}"
    if all(SIZE_COLUMN in one.runs.first.columns for one in compared):
        figure, axes = new_figure(TITLE, which, PLACE)
        _against_size(axes, compared)
        return figure
    height = max(3.0, 1.7 + 0.28 * len(compared))
    place = (0.3, 0.85 / height, 0.66, 1 - 1.3 / height)  # room for names on the left, and two lines below
    figure, axes = new_figure(TITLE, "", place, (8.0, height), title_height=1 + 0.1 / height)
    _one_by_one(axes, compared)
    axes.set_xlabel(f"{DIRECTION}\n{label(which, 2 * LONGEST_NAME + 10)}")
    return figure


def _against_size(axes: Axes, compared: Sequence[Compared]) -> None:
    lines: dict[str, list[Compared]] = {}
    for one in compared:
        lines.setdefault(_name(one, but=SIZE_COLUMN), []).append(one)
    axes.set(xscale="log", yscale="log")
    axes.axhline(1, color="black", linewidth=1, zorder=1)
    for number, (name, points) in enumerate(lines.items()):
        points.sort(key=_size)
        shift = 1 + 0.03 * (number - (len(lines) - 1) / 2)  # so that intervals do not hide each other
        n, values = [_size(one) * shift for one in points], [one.value for one in points]
        color = COLORS[number % len(COLORS)]
        named = label(name) if name and number < MOST_NAMES else None
        axes.errorbar(
            n,
            values,
            yerr=_bars(points),
            fmt=DASHES[number % len(DASHES)],
            color=color,
            capsize=3,
            linewidth=1,
            label=named,
        )
        for x, one in zip(n, points, strict=True):
            axes.plot(x, one.value, VERDICT_MARKERS[one.verdict], color=VERDICT_COLORS[one.verdict], zorder=3)
    name_sizes(axes, [int(_size(one)) for one in compared])
    axes.set(xlabel="n", ylabel=DIRECTION)
    axes.margins(y=0.15)
    axes.yaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
    name_ticks(axes.yaxis)
    no_minor_ticks(axes)
    _add_legend(axes, compared)


def _one_by_one(axes: Axes, compared: Sequence[Compared]) -> None:
    axes.axvline(1, color="black", linewidth=1, zorder=1)
    for row, one in enumerate(compared):
        color = VERDICT_COLORS[one.verdict]
        marker = VERDICT_MARKERS[one.verdict]
        axes.errorbar(one.value, row, xerr=_bars([one]), fmt=marker, color=color, capsize=3, linewidth=1.5)
    axes.set_yticks(range(len(compared)), [label(_name(one), 30) for one in compared])
    axes.invert_yaxis()
    _add_legend(axes, compared)


def _add_legend(axes: Axes, compared: Sequence[Compared]) -> None:
    present = {one.verdict for one in compared}
    for verdict, color in VERDICT_COLORS.items():
        if verdict in present:
            named = f"B is {verdict.value}" if _is_word(verdict) else verdict.value
            axes.plot([], [], VERDICT_MARKERS[verdict], color=color, label=named)
    axes.legend(frameon=False, loc="best", fontsize=9)


def _is_word(verdict: Verdict) -> bool:
    return verdict in (Verdict.FASTER, Verdict.SLOWER)


def _bars(points: Sequence[Compared]) -> list[list[float]]:
    """The lengths of the intervals below and above the values, two rows; NaN where there is none."""
    ends = [(one.value, *(one.ratio.interval if one.ratio else (math.nan, math.nan))) for one in points]
    below = [max(value - low, 0.0) for value, low, _ in ends]  # NaN stays NaN; rounding must not turn it negative
    return [below, [max(high - value, 0.0) for value, _, high in ends]]


def _size(one: Compared) -> float:
    return float(_cells(one)[SIZE_COLUMN])


def _name(one: Compared, but: str = "") -> str:
    return " ".join(
        part for part in (one.runs.name, *(text for key, text in _cells(one).items() if key != but)) if part
    )


def _cells(one: Compared) -> Mapping[str, str]:
    return dict(zip(one.runs.first.columns, one.key, strict=True))
