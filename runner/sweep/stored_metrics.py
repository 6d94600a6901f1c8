"""The metrics of two stored runs beside each other, within the tolerances that their experiment states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from experiments.experiment import Experiment, Tolerance
from runner.config.schema import experiment_called
from runner.sweep.stored_pair import StoredPair, StoredRun
from runner.tracking import tags
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

EQUAL, WITHIN, DIFFERS = "equal", "within the tolerance", "DIFFERS"


@dataclass(frozen=True)
class MetricPair:
    """A metric of two runs. Of one with steps, the step at which the two are farthest beyond what is tolerated."""

    name: str
    """The job, see :attr:`StoredPair.name`."""
    metric: str
    first: float | None
    second: float | None
    """None where a run does not have it."""
    step: int = 0
    tolerance: Tolerance | None = None
    """What the experiment tolerates; None for a metric of which it states nothing."""

    @property
    def verdict(self) -> str:
        """:data:`EQUAL`, :data:`WITHIN` or :data:`DIFFERS`; empty without a tolerance."""
        if self.tolerance is None:
            return ""
        if self.first is None or self.second is None:
            return DIFFERS
        if self.first == self.second:
            return EQUAL
        is_within = abs(self.first - self.second) <= self.tolerance.allowed(self.first, self.second)
        return WITHIN if is_within else DIFFERS


def metric_pairs(client: MlflowClient, pair: StoredPair, with_headline: bool) -> list[MetricPair]:
    """Return the metrics of a pair for which the experiment states a tolerance, and with them its headline's if asked.

    Where an experiment has neither, all metrics are returned. Raises StoreError.
    """
    runs = (pair.first, pair.second)
    kind = experiment_called(pair.first.run.data.tags.get(tags.EXPERIMENT))
    first, second = (one.result.metrics for one in runs)
    stated = _stated(kind, pair) if kind else {}
    asks_the_same = pair.first.run.data.params == pair.second.run.data.params
    held = sorted(
        metric
        for metric in first.keys() | second.keys()
        if _tolerance(metric, stated) and (asks_the_same or (metric in first and metric in second))
    )
    shown = ((kind.headline if kind else ()) or (() if held else sorted(first))) if with_headline else ()
    others = [metric for metric in shown if metric in first and metric in second and metric not in held]
    return [
        *(MetricPair(pair.name, metric, first[metric], second[metric]) for metric in others),
        *(_farthest(client, pair, metric, _tolerance(metric, stated)) for metric in held),
    ]


def _stated(kind: type[Experiment], pair: StoredPair) -> dict[str, Tolerance]:
    """What is tolerated for either config: for a coarse number format, more."""
    first, second = (kind.tolerances(one.run.data.params) for one in (pair.first, pair.second))
    return {name: first[name].or_more(second[name]) for name in first if name in second}


def _tolerance(metric: str, stated: Mapping[str, Tolerance]) -> Tolerance | None:
    return next((tolerance for pattern, tolerance in stated.items() if fnmatchcase(metric, pattern)), None)


def _farthest(client: MlflowClient, pair: StoredPair, metric: str, tolerance: Tolerance | None) -> MetricPair:
    """The pair at the step that matters most: one that a single run has, or that is the most beyond the tolerance."""
    first, second = (_by_step(client, one, metric) for one in (pair.first, pair.second))
    pairs = [
        MetricPair(pair.name, metric, first.get(step), second.get(step), step, tolerance)
        for step in sorted(first.keys() | second.keys())
    ]
    return max(pairs, key=_distance)


def _distance(pair: MetricPair) -> tuple[bool, float, int]:
    """Order the steps of a metric; of those that are as far apart, the last one counts."""
    if pair.first is None or pair.second is None:
        return True, 0.0, -pair.step
    assert pair.tolerance
    allowed = pair.tolerance.allowed(pair.first, pair.second)
    return pair.verdict == DIFFERS, abs(pair.first - pair.second) / (allowed or 1.0), pair.step


def _by_step(client: MlflowClient, one: StoredRun, metric: str) -> dict[int, float]:
    """The values by step; the newest where a resumed run has one twice."""
    if metric not in one.run.data.metrics:
        return {}
    with store_errors():
        history = client.get_metric_history(one.run.info.run_id, metric)
    return {found.step: found.value for found in sorted(history, key=lambda found: int(found.timestamp))}
