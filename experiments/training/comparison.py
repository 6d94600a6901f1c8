"""Compare the trainings of a sweep: which settings are best, and how much of that is luck."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from experiments.job_result import SEEDS, JobResult, replicates
from experiments.measure.verdict import Difference, difference, tell_apart
from experiments.recorder import Recorder
from experiments.reporting.figures import label
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import ascending, least, most
from experiments.reporting.text import listed
from experiments.training.history import BEST_ACCURACY, BEST_LOSS, BEST_RMSE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = {BEST_ACCURACY: True, BEST_RMSE: False, BEST_LOSS: False}
"""The metrics that rank settings, each with whether more of it is better; the first that was recorded counts.

They are of the validation examples: a setting that the test set had chosen would look better in it than it is. The
loss comes last: it is another one with another ``loss`` or penalty. Runs of earlier versions have no other.
"""

IN_WORDS = {BEST_ACCURACY: "validation accuracy", BEST_RMSE: "validation RMSE", BEST_LOSS: "validation loss"}

TESTED = ("test/accuracy", "test/rmse")
"""What is told of the settings beside that: the first that was recorded."""

MOST_ROWS = 15

LONGEST_VALUE = 24
"""Letters of a swept value in the figure."""

FEWEST_LINES = 3
"""With fewer jobs, parallel coordinates say nothing."""


Seeds = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Setting:
    """The jobs that differ in nothing but their seed."""

    swept: tuple[tuple[str, str], ...]
    by_seed: Mapping[Seeds, float]
    """The score of each seed."""
    tested: Mapping[str, float]
    """The median over the seeds of what the test set says; empty if it says nothing."""

    @property
    def scores(self) -> list[float]:
        return list(self.by_seed.values())

    @property
    def median(self) -> float:
        return statistics.median(self.scores)

    @property
    def name(self) -> str:
        return ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.swept) or "all jobs"


@dataclass(frozen=True)
class Standing:
    """How a setting stands to the best one."""

    setting: Setting
    difference: Difference | None = None
    """What its scores are higher by, seed by seed; None for the best, and where they share less than two seeds."""
    is_certain: bool = False
    """Whether it differs for certain."""
    is_higher_better: bool = True

    @property
    def is_worse(self) -> bool:
        """Whether it is worse for certain. The best has the best median; seed by seed another one may be better."""
        return self._differs(to_the_worse=True)

    @property
    def is_better(self) -> bool:
        return self._differs(to_the_worse=False)

    def _differs(self, to_the_worse: bool) -> bool:
        if self.difference is None or not self.is_certain:
            return False
        return (self.difference.mean < 0) == (self.is_higher_better == to_the_worse)

    @property
    def in_words(self) -> str:
        if self.difference is None:
            return "-"
        low, high = self.difference.interval
        words = "for certain" if self.is_certain else "not told apart"
        return f"{self.difference.mean:+z.2g} ({low:+z.2g} to {high:+z.2g}), {words}"


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
    standings = _standings(settings, SCORES[score])
    recorder.table("settings", [_row(standing) for standing in standings])
    recorder.note(_note(standings, score))
    keys = list(dict.fromkeys(key for job in done for key in job.swept))
    if len(done) >= FEWEST_LINES and keys:
        recorder.figure("parallel_coordinates", partial(parallel_figure, done, keys, score))


def _settings(members: Sequence[JobResult], score: str) -> list[Setting]:
    return [
        Setting(group[0].varies(but=SEEDS), {job.seeds: job.metrics[score] for job in group}, _tested(group))
        for group in replicates(members)
    ]


def _tested(group: Sequence[JobResult]) -> dict[str, float]:
    found = {name: [job.metrics[name] for job in group if name in job.metrics] for name in TESTED}
    return {name: statistics.median(values) for name, values in found.items() if values}


def _standings(settings: Sequence[Setting], is_higher_better: bool) -> list[Standing]:
    """Compare each setting with the first, which is the best, over the seeds that both have.

    The best was chosen by its scores, so that any pair of settings might have been compared: the tests are corrected
    for the number of all pairs.
    """
    best = settings[0]
    differences = [_difference(setting, best) for setting in settings[1:]]
    among = sum(len(setting.scores) > 1 for setting in settings)
    certain = iter(tell_apart([one for one in differences if one], among * (among - 1) // 2))
    others = zip(settings[1:], differences, strict=True)
    return [
        Standing(best),
        *(Standing(setting, one, next(certain) if one else False, is_higher_better) for setting, one in others),
    ]


def _difference(setting: Setting, best: Setting) -> Difference | None:
    common = [seeds for seeds in setting.by_seed if seeds in best.by_seed]
    if len(common) < 2:
        return None
    return difference([setting.by_seed[seeds] for seeds in common], [best.by_seed[seeds] for seeds in common])


def _row(standing: Standing) -> dict[str, str | float | int | None]:
    setting, found = standing.setting, standing.difference
    low, high = found.interval if found else (math.nan, math.nan)
    return {
        **dict(setting.swept),
        "seeds": len(setting.scores),
        "median": setting.median,
        "lowest": min(setting.scores),
        "highest": max(setting.scores),
        **setting.tested,
        "difference": found.mean if found else None,
        "difference_low": low,
        "difference_high": high,
        "worse_for_certain": str(standing.is_worse) if found else None,
    }


def _note(standings: Sequence[Standing], score: str) -> str:
    settings = [standing.setting for standing in standings]
    best = (most if SCORES[score] else least)(settings, lambda setting: setting.median)
    what = IN_WORDS[score]
    names = literal(listed([setting.name for setting in best], 3))
    value = f"{_value(best[0].median)}{_spread(best[0]) if len(best) == 1 else ' each'}"
    if len(settings) == 1:
        words = f"{what[0].upper()}{what[1:]} of {names}: {value}."
    elif all(standing.is_worse for standing in standings[1:]):
        words = f"Best {what}: {names}, {value}. All others are worse for certain."
    else:
        words = f"{'Highest' if SCORES[score] else 'Lowest'} {what}: {names}, {value}. {_doubt(standings)}"
    columns = [
        {
            "setting": setting.name,
            "seeds": f"{len(setting.scores)}",
            f"median {what}": _value(setting.median),
            "lowest": _value(min(setting.scores)),
            "highest": _value(max(setting.scores)),
            **{name: _value(value) for name, value in setting.tested.items()},
        }
        for setting in settings[:MOST_ROWS]
    ]
    if any(standing.difference for standing in standings):
        for cells, standing in zip(columns, standings, strict=False):
            cells["against the first (95 %)"] = standing.in_words
    return f"{words}\n\n{markdown_table(columns)}"


def _doubt(standings: Sequence[Standing]) -> str:
    """A sentence on the settings that these jobs cannot tell from the first."""
    if all(len(standing.setting.scores) < 2 for standing in standings):
        return "With one seed each, differences may be luck; add seed=0,1,2,3,4."
    if better := [standing.setting.name for standing in standings if standing.is_better]:
        verb, median = ("is", "its median is") if len(better) == 1 else ("are", "their medians are")
        return f"Seed by seed {literal(listed(better, 3))} {verb} better for certain, though {median} not."
    close = [standing.setting.name for standing in standings[1:] if not standing.is_worse]
    if len(close) == len(standings) - 1:
        return "None of the others can be told apart from it; more seeds may decide it."
    return f"It cannot be told apart from {literal(listed(close, 3))}; more seeds may decide it."


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
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # interrupts the lines behind it
        axes.annotate(
            label(text, LONGEST_VALUE),
            (place, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox=box,
        )
