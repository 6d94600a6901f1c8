"""The Pareto front of a sweep with several metrics: the jobs that no other job beats in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from experiments.recorder import Recorder
from experiments.reporting.figures import BLUE, GREY, dress, label, name_ticks
from experiments.reporting.labels import Labels
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import listed
from runner.config.sweep_settings import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 15

MOST_PANELS = 3
"""As many pairs of metrics as there are of three."""

LOGARITHMIC = 20.0
"""An axis whose largest value is so many times the least one is logarithmic."""

HEIGHT, FIRST_WIDTH, FURTHER_WIDTH = 5.0, 8.0, 5.0
"""Of a figure with one panel, and the width of each more, in inches."""

LEFT, RIGHT, BOTTOM, TOP = 0.9, 0.25, 0.6, 0.55
"""The margins of a panel in inches."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A job that has a value of every metric."""

    number: int
    name: str
    values: Sequence[float]
    """In the order of the objectives."""


def pareto_front(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[Candidate]:
    """Return the candidates that no other one dominates, in the order of the first metric.

    One dominates another if it is nowhere worse and somewhere better.
    """
    costs = {one: [aim.sign * value for aim, value in zip(objectives, one.values, strict=True)] for one in candidates}
    front = [one for one in candidates if not any(_dominates(other, costs[one]) for other in costs.values())]
    return sorted(front, key=lambda one: one.values[0])


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and list(one) != list(other)


def record_front(candidates: Sequence[Candidate], objectives: Sequence[Objective], recorder: Recorder) -> str:
    """Record the front as a table and a figure; return it in Markdown."""
    metrics = [objective.metric for objective in objectives]
    front = pareto_front(candidates, objectives)
    recorder.table(
        "pareto", [{"job": c.number, "name": c.name, **dict(zip(metrics, c.values, strict=True))} for c in front]
    )
    recorder.figure("pareto", partial(pareto_figure, candidates, objectives))
    rows = [
        {"job": str(c.number), "what": c.name, **dict(zip(metrics, (f"{v:z.6g}" for v in c.values), strict=True))}
        for c in front[:MOST_ROWS]
    ]
    more = f"\n\n{len(front) - MOST_ROWS} more are in pareto.csv." if len(front) > MOST_ROWS else ""
    return f"{_in_words(front, candidates, objectives)}\n\n{markdown_table(rows)}{more}"


def _in_words(front: Sequence[Candidate], candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> str:
    aims = literal(listed([str(objective) for objective in objectives]))
    if len(front) == 1:
        return f"**{literal(front[0].name)}** is nowhere worse than another job ({aims}), as measured:"
    return (
        f"Pareto front ({aims}): {len(front)} of {len(candidates)} jobs, as measured. No job is as good as one of "
        "these in every metric and better in one:"
    )


def pareto_figure(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> Figure:
    """Draw a panel for each pair of metrics: the front as squares with the numbers of their jobs, the others hollow."""
    from matplotlib.figure import Figure

    front = pareto_front(candidates, objectives)
    pairs = list(combinations(range(len(objectives)), 2))[:MOST_PANELS]
    panel = FIRST_WIDTH if len(pairs) == 1 else FURTHER_WIDTH
    width = panel * len(pairs)
    figure = Figure(figsize=(width, HEIGHT), dpi=120)
    for place, pair in enumerate(pairs):
        left, inside = (place * panel + LEFT) / width, (panel - LEFT - RIGHT) / width
        axes = figure.add_axes((left, BOTTOM / HEIGHT, inside, 1 - (BOTTOM + TOP) / HEIGHT))
        dress(axes)
        _draw(axes, candidates, front, objectives, pair)
    figure.axes[0].set_title("Pareto front; the numbers are those of the jobs", loc="left", fontweight="bold", y=1.02)
    return figure


def _draw(
    axes: Axes,
    candidates: Sequence[Candidate],
    front: Sequence[Candidate],
    objectives: Sequence[Objective],
    pair: tuple[int, int],
) -> None:
    others = [one for one in candidates if one not in front]
    points = {one: (one.values[pair[0]], one.values[pair[1]]) for one in candidates}
    _draw_points(axes, [points[one] for one in others], "another job is better", GREY, "o", "none")
    _draw_points(axes, [points[one] for one in front], "on the front", BLUE, "s", BLUE)
    if len(objectives) == 2:
        where: Literal["pre", "post"] = "post" if objectives[0].sign > 0 else "pre"
        axes.step(*zip(*(points[one] for one in front), strict=True), "--", where=where, color=BLUE, linewidth=1)
    axes.margins(0.08)
    for axis, set_scale, index in (
        (axes.xaxis, axes.set_xscale, pair[0]),
        (axes.yaxis, axes.set_yscale, pair[1]),
    ):
        axis.set_label_text(label(f"{objectives[index].metric} ({objectives[index].direction})"))
        values = [one.values[index] for one in candidates]
        if min(values) > 0 and max(values) > LOGARITHMIC * min(values):
            set_scale("log")
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            name_ticks(axis)
    labels = Labels(axes)
    for one in front:
        labels.write(str(one.number), points[one])
    labels.add_legend()


def _draw_points(
    axes: Axes, points: Sequence[tuple[float, float]], name: str, color: str, marker: str, filling: str
) -> None:
    """Draw each point by itself: labels keep away from whatever connects the points of a line."""
    for place, point in enumerate(points):
        named = name if place == 0 else None
        axes.plot(*point, marker, color=color, markerfacecolor=filling, markersize=6, label=named)
