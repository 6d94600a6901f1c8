"""The effect of each swept key on a metric, for any experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from experiments.job_result import SEEDS, JobResult
from experiments.measure.log_ratio import took_turns
from experiments.measure.verdict import Difference, difference, tell_apart
from experiments.recorder import Recorder, Row
from experiments.reporting.figures import BLUE, label, name_ticks
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS, MOST_PANELS = 15, 6

MOST_CHOICES = 20

LONGEST_VALUE = 18
"""Letters of a swept value in the figure."""

MANY = 8
"""A key with more values than this is summarized by their spread, such as those that a search has drawn."""

TIMINGS = ("time/", "latency/", "throughput/", "bandwidth/")
"""The beginnings of the metrics that follow from times also where an experiment has other metrics beside them."""

HIGHER, LOWER, UNSURE = "higher", "lower", "unsure"
"""What the pairs allow to say of a metric, with the reference as measure."""

GREY = "#9a9a9a"


@dataclass(frozen=True)
class Effect:
    """The effect of one value of a key, compared to the key's first value.

    Pairs are jobs that agree in all other swept keys, so that a change elsewhere is not taken for an effect.
    """

    metric: str
    key: str
    value: str
    reference: str
    values: tuple[float, ...]
    """The metric of each job with this value."""
    pairs: tuple[tuple[float, float], ...]
    """For each pair, the metric with this value and with the reference."""

    deviation: float
    """The standard deviation of the values, around the mean of each other setting for a seed; NaN for one value."""
    is_comparable: bool = True
    """Whether a pair differs by the key and by chance alone, and not by when and where its jobs ran."""
    verdict: str = ""
    """HIGHER or LOWER than the reference, or UNSURE; empty where there are no two comparable pairs to judge by."""

    @property
    def ratios(self) -> list[float]:
        """The metric with this value over that with the reference, for each pair; empty if any is not positive."""
        if any(value <= 0 for pair in self.pairs for value in pair):
            return []
        return [value / reference for value, reference in self.pairs]

    @property
    def ratio(self) -> float:
        """The geometric mean of the ratios; NaN if there are none."""
        return math.exp(fmean(map(math.log, self.ratios))) if self.ratios else math.nan

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """The 95 % interval of :attr:`ratio` over the pairs; NaN for less than two, which know no spread."""
        if len(self.ratios) < 2:
            return math.nan, math.nan
        low, high = self.between_pairs.interval
        return math.exp(low), math.exp(high)

    @property
    def between_pairs(self) -> Difference:
        """What the pairs differ by: in the logarithm where all values are positive. There must be two pairs."""
        scale = math.log if self.ratios else float
        values, references = zip(*self.pairs, strict=True)
        return difference(list(map(scale, values)), list(map(scale, references)))

    def row(self) -> Row:
        """The row of effects.csv."""
        ratios = self.ratios or [math.nan]
        low, high = self.ratio_interval
        return {
            "metric": self.metric,
            "key": self.key,
            "value": self.value,
            "jobs": len(self.values),
            "mean": fmean(self.values),
            "standard_deviation": self.deviation,
            "reference": self.reference,
            "pairs": len(self.pairs),
            "difference": fmean(value - reference for value, reference in self.pairs) if self.pairs else math.nan,
            "ratio": self.ratio,
            "ratio_ci_low": low,
            "ratio_ci_high": high,
            "ratio_low": min(ratios),
            "ratio_high": max(ratios),
            "verdict": self.verdict,
        }


def effects(results: Sequence[JobResult], metric: str) -> list[Effect]:
    """The effect of each value of each swept key on ``metric``, from the FINISHED jobs that have it.

    A seed has a single effect, the spread of all its values. The verdicts on the others are made all at once.
    """
    having = [result for result in results if result.status == "FINISHED" and metric in result.metrics]
    having = [result for result in having if math.isfinite(result.metrics[metric])]
    keys = dict.fromkeys(key for result in having for key in result.swept)
    found = [effect for key in keys for effect in _effects_of(key, having, metric)]
    judged = [
        effect
        for effect in found
        if len(effect.pairs) > 1 and effect.value != effect.reference and effect.is_comparable
    ]
    certain = dict(zip(map(id, judged), tell_apart([effect.between_pairs for effect in judged]), strict=True))
    return [
        replace(effect, verdict=_verdict(effect, certain[id(effect)])) if id(effect) in certain else effect
        for effect in found
    ]


def _verdict(effect: Effect, is_certain: bool) -> str:
    if not is_certain:
        return UNSURE
    return HIGHER if effect.between_pairs.mean > 0 else LOWER


def _effects_of(key: str, results: Sequence[JobResult], metric: str) -> list[Effect]:
    values = list(dict.fromkeys(result.swept[key] for result in results if key in result.swept))
    if len(values) < 2:
        return []
    if key in SEEDS:
        everything = tuple(result.metrics[metric] for result in results)
        return [Effect(metric, key, f"{len(values)} values", "", everything, (), _spread(key, results, metric))]
    reference = {result.varies(but=[key]): result for result in results if result.swept.get(key) == values[0]}
    by_value: dict[str, list[JobResult]] = {value: [] for value in values}
    for result in results:
        if key in result.swept:
            by_value[result.swept[key]].append(result)
    found = []
    for value, having in by_value.items():
        jobs = [(result, reference[others]) for result in having if (others := result.varies(but=[key])) in reference]
        pairs = tuple((one.metrics[metric], other.metrics[metric]) for one, other in jobs)
        measured = tuple(result.metrics[metric] for result in having)
        deviation = stdev(measured) if len(measured) > 1 else math.nan
        comparable = all(_is_comparable(metric, *pair) for pair in jobs)
        found.append(Effect(metric, key, value, values[0], measured, pairs, deviation, comparable))
    return found


def _is_comparable(metric: str, first: JobResult, second: JobResult) -> bool:
    """Whether a metric of two jobs does not depend on when and where they ran: a time does unless they took turns."""
    is_timing = metric.startswith(TIMINGS) or first.turns or second.turns
    return not is_timing or took_turns(first.turns, second.turns)


def _spread(seed: str, results: Sequence[JobResult], metric: str) -> float:
    """The standard deviation over a seed, pooled over the jobs that agree in all else; NaN where none do."""
    groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for result in results:
        groups.setdefault(result.varies(but=[seed]), []).append(result.metrics[metric])
    freedom = sum(len(group) - 1 for group in groups.values())
    off = sum((value - fmean(group)) ** 2 for group in groups.values() for value in group)
    return math.sqrt(off / freedom) if freedom else math.nan


def record_effects(results: Sequence[JobResult], metrics: Sequence[str], recorder: Recorder) -> str:
    """Record a table and a figure of the effects on ``metrics``; return those on the first metric in Markdown."""
    found = [effect for metric in metrics for effect in effects(results, metric)]
    lacking = _on_what_is_lacking(results, found[0].metric if found else next(iter(metrics), ""))
    if not found:
        return lacking
    recorder.table("effects", [effect.row() for effect in found])
    by_key = _by_key([effect for effect in found if effect.metric == found[0].metric])
    recorder.figure("effects", partial(effects_figure, by_key))
    rows = [cells for same in by_key.values() for cells in _cells_of_key(same)]
    more = f"\n\n{len(rows) - MOST_ROWS} more are in effects.csv." if len(rows) > MOST_ROWS else ""
    title = f"Effect of each swept key on {literal(found[0].metric)} (of the last step, where it has several)"
    if any(effect.verdict for effect in found):
        title += "; in brackets the 95 % interval over pairs of jobs that differ in the key alone"
    title += ":"
    table = f"{markdown_table(rows[:MOST_ROWS])}{more}"
    return "\n\n".join(part for part in (title, table, lacking, _on_what_is_not_judged(by_key)) if part)


def _on_what_is_lacking(results: Sequence[JobResult], metric: str) -> str:
    """A paragraph on the finished jobs without the metric, such as one whose largest size did not fit into memory."""
    names = [result.name for result in results if result.status == "FINISHED" and metric not in result.metrics]
    some_have_it = any(metric in result.metrics for result in results)
    if not names or not some_have_it:
        return ""
    return f"Not compared by {literal(metric)}, as they have none at their last step: {literal(listed(names, 6))}."


def _on_what_is_not_judged(by_key: Mapping[str, Sequence[Effect]]) -> str:
    """A paragraph on pairs that have no verdict; empty without such pairs."""
    if all(effect.is_comparable for same in by_key.values() for effect in same):
        return ""
    return (
        "Times of jobs that did not take turns, as those of one process each do not, have no verdict here: another "
        "process may differ, and the machine may have drifted from job to job."
    )


def _by_key(found: Sequence[Effect]) -> dict[str, list[Effect]]:
    return {key: [effect for effect in found if effect.key == key] for key in dict.fromkeys(e.key for e in found)}


def _cells_of_key(same: Sequence[Effect]) -> list[dict[str, str]]:
    """A row for each value, or a single row for a seed or many values."""
    if same[0].key in SEEDS:
        return [_cells(same[0], same[0].value, "replicates")]
    if len(same) <= MANY:
        return [
            _cells(effect, effect.value, "reference" if effect is same[0] else _ratio_in_words(effect))
            for effect in same
        ]
    values = tuple(value for effect in same for value in effect.values)
    everything = replace(same[0], values=values, deviation=stdev(values))
    return [
        _cells(everything, f"{len(same)} values", f"{min(everything.values):z.4g} to {max(everything.values):z.4g}")
    ]


def _ratio_in_words(effect: Effect) -> str:
    if not effect.pairs:
        return "no pair"
    ratio = f"{effect.ratio:.3g}x" if effect.ratios else ""
    if not effect.verdict:
        pairs = "one pair" if len(effect.pairs) == 1 else f"{len(effect.pairs)} pairs"
        return f"{ratio or '-'} ({pairs})"
    low, high = effect.ratio_interval
    interval = f" ({low:.3g} to {high:.3g}), " if ratio else ""
    return f"{ratio}{interval}{effect.verdict}"


def _cells(effect: Effect, value: str, against: str) -> dict[str, str]:
    return {
        "key": effect.key,
        "value": value,
        "jobs": str(len(effect.values)),
        "mean": f"{fmean(effect.values):z.4g}",
        "deviation": "-" if math.isnan(effect.deviation) else f"{effect.deviation:.2g}",
        "against the first value": against,
    }


def effects_figure(by_key: Mapping[str, Sequence[Effect]]) -> Figure:
    """Draw a panel for each key: each job as a dot, the mean of each value as a bar; many numbers as an x axis."""
    from matplotlib.figure import Figure

    keys = list(by_key)[:MOST_PANELS]
    figure = Figure(figsize=(max(4.0, 3.2 * len(keys)), 4.2), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        numbers = _numbers([effect.value for effect in by_key[key]])
        if numbers is not None and len(numbers) > MANY:
            _draw_numbers(axes, numbers, by_key[key])
        else:
            _draw_choices(axes, by_key[key][:MOST_CHOICES])
        axes.set_title(label(key), fontsize=10)
        axes.grid(axis="y", color="#e3e3e3")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    everything = [value for same in by_key.values() for effect in same for value in effect.values]
    panels[0].set_ylabel(label(by_key[keys[0]][0].metric))
    if min(everything) > 0 and max(everything) > 20 * min(everything):
        panels[0].set_yscale("log")
        panels[0].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        name_ticks(panels[0].yaxis)
    return figure


def _numbers(values: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in values]
    except ValueError:
        return None


def _draw_numbers(axes: Axes, numbers: Sequence[float], found: Sequence[Effect]) -> None:
    dots = [(number, value) for number, effect in zip(numbers, found, strict=True) for value in effect.values]
    axes.plot(*zip(*dots, strict=True), "o", color=BLUE, markersize=4, alpha=0.7)


def _draw_choices(axes: Axes, found: Sequence[Effect]) -> None:
    for place, effect in enumerate(found):
        axes.plot([place] * len(effect.values), effect.values, "o", color=GREY, markersize=4, alpha=0.7)
        mean = fmean(effect.values)
        axes.plot([place - 0.25, place + 0.25], [mean, mean], "-", color=BLUE, linewidth=2.5)
    labels = [label(effect.value, LONGEST_VALUE) for effect in found]
    crowded = len(labels) > 4 or max(map(len, labels)) > 8
    axes.set_xticks(range(len(labels)), labels, rotation=45 if crowded else 0, ha="right" if crowded else "center")
    axes.set_xlim(-0.6, len(labels) - 0.4)
