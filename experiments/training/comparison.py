"""Compare the trainings of a sweep: which settings are best, and how much of that is luck."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from experiments.job_result import JobResult
from experiments.recorder import Recorder
from experiments.reporting.figures import label
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import ascending, least, most
from experiments.reporting.text import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = {"test/accuracy": True, "test/rmse": False}
"""The metrics that rank settings, each with whether more of it is better; the first that was recorded counts."""

SEED = "seed"

MOST_ROWS = 15

LONGEST_VALUE = 24
"""Letters of a swept value in the figure."""

FEWEST_LINES = 3
"""With fewer jobs, parallel coordinates say nothing."""


@dataclass(frozen=True)
class Setting:
    """The jobs that differ in nothing but their seed."""

    swept: tuple[tuple[str, str], ...]
    scores: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.scores)

    @property
    def name(self) -> str:
        return ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.swept) or "all jobs"


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Record a table of the settings over their seeds, the best first, a note, and parallel coordinates of all jobs."""
    score = next((name for name in SCORES if any(name in job.metrics for job in members)), None)
    if score is None:
        return
    done = [job for job in members if job.status == "FINISHED" and math.isfinite(job.metrics.get(score, math.nan))]
    if not done:
        return
    sign = -1 if SCORES[score] else 1
    settings = sorted(_settings(done, score), key=lambda setting: ascending(sign * setting.median))
    recorder.table("settings", [_row(setting) for setting in settings])
    recorder.note(_note(settings, score))
    keys = list(dict.fromkeys(key for job in done for key in job.swept))
    if len(done) >= FEWEST_LINES and keys:
        recorder.figure("parallel_coordinates", partial(parallel_figure, done, keys, score))


def _settings(members: Sequence[JobResult], score: str) -> list[Setting]:
    found: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for job in members:
        found.setdefault(job.varies(but=[SEED]), []).append(job.metrics[score])
    return [Setting(swept, tuple(scores)) for swept, scores in found.items()]


def _row(setting: Setting) -> dict[str, str | float | int]:
    return {
        **dict(setting.swept),
        "seeds": len(setting.scores),
        "median": setting.median,
        "lowest": min(setting.scores),
        "highest": max(setting.scores),
    }


def _note(settings: Sequence[Setting], score: str) -> str:
    best = (most if SCORES[score] else least)(settings, lambda setting: setting.median)
    what = score.removeprefix("test/")
    names = literal(listed([setting.name for setting in best], 3))
    value = _value(best[0].median)
    lines = [f"Best {what}: {names}, {value}{_spread(best[0]) if len(best) == 1 else ' each'}."]
    if len(settings) > len(best) and (doubt := _doubt(settings[len(best) :], best[0])):
        lines.append(doubt)
    rows = [
        {
            "setting": setting.name,
            "seeds": f"{len(setting.scores)}",
            f"median {what}": _value(setting.median),
            "lowest": _value(min(setting.scores)),
            "highest": _value(max(setting.scores)),
        }
        for setting in settings[:MOST_ROWS]
    ]
    return " ".join(lines) + "\n\n" + markdown_table(rows)


def _doubt(others: Sequence[Setting], best: Setting) -> str:
    """A sentence on how many settings these jobs cannot tell from the best; empty where they can tell all."""
    if len(best.scores) < 2:
        return "With one seed each, differences may be luck; add seed=0,1,2,3,4."
    close = [s for s in others if max(s.scores) >= min(best.scores) and min(s.scores) <= max(best.scores)]
    return f"{len(close)} other settings overlap with it over their seeds." if close else ""


def _spread(setting: Setting) -> str:
    if len(setting.scores) < 2:
        return ""
    low, high = min(setting.scores), max(setting.scores)
    return f" in the median of {len(setting.scores)} seeds ({_value(low)} to {_value(high)})"


def _value(value: float) -> str:
    return f"{value:z.4g}"


def parallel_figure(members: Sequence[JobResult], keys: Sequence[str], score: str) -> Figure:
    """A figure with a vertical axis for each swept key and one for the score; each job is a line, the best darkest."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    scores = [job.metrics[score] for job in members]
    low, high = min(scores), max(scores)
    figure = Figure(figsize=(max(6.0, 1.9 * (len(keys) + 1) + 1), 5), dpi=120)
    axes = figure.add_axes((0.06, 0.13, 0.88, 0.76))
    columns = [_column([job.swept.get(key, "") for job in members]) for key in keys]
    positions = [*(heights for heights, _ in columns), [_share(value, low, high) for value in scores]]
    colours = colormaps["viridis_r"]
    for number in sorted(range(len(members)), key=lambda n: scores[n], reverse=not SCORES[score]):
        goodness = positions[-1][number] if SCORES[score] else 1 - positions[-1][number]
        heights = [column[number] for column in positions]
        axes.plot(range(len(heights)), heights, "-", color=colours(goodness), linewidth=1.3, alpha=0.85)
    for place, (_, labels) in enumerate(columns):
        _label(axes, place, labels)
    _label(axes, len(keys), {_value(value): _share(value, low, high) for value in {low, high}})
    names = [*(key.removeprefix("experiment.") for key in keys), score]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.set_xlim(-0.15, len(keys) + 0.35)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{len(members)} jobs: settings and {score}", loc="left", fontweight="bold", y=1.03)
    return figure


def _column(values: Sequence[str]) -> tuple[list[float], dict[str, float]]:
    """The height of each value on an axis from 0 to 1, and of each different value: evenly spaced, in order."""
    different = sorted(set(values), key=_order)
    heights = {value: _share(float(number), 0, len(different) - 1) for number, value in enumerate(different)}
    return [heights[value] for value in values], heights


def _order(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return math.inf, value


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _label(axes: Axes, place: int, labels: dict[str, float]) -> None:
    axes.plot([place, place], [0, 1], "-", color="#9a9a9a", linewidth=1, zorder=0)
    for text, height in labels.items():
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
        axes.annotate(
            label(text, LONGEST_VALUE),
            (place, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox=box,
        )
