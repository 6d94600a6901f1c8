"""The experiment ``gradient_cost``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.comparison import Member
from experiments.experiment import Choice, Experiment, Refused
from experiments.fields import require_choice, require_seed
from experiments.gradient_cost.answer import Answer, in_words
from experiments.gradient_cost.comparison import compare
from experiments.gradient_cost.operations import DTYPES, MODES
from experiments.gradient_cost.plots import cost_figure, time_figure
from experiments.gradient_cost.series import Point, Series
from experiments.gradient_cost.workloads import WORKLOADS, Workload
from experiments.measure import Timing
from experiments.recorder import Recorder

METRICS = {
    "cost/ratio": "ratio",
    "cost/ratio_low": "ratio_low",
    "cost/ratio_high": "ratio_high",
    "cost/hessian_ratio": "hessian_ratio",
    "time/function_us": "function_us",
    "time/gradient_us": "gradient_us",
    "time/hessian_us": "hessian_us",
    "gradient/error": "gradient_error",
}
"""Which column of results.csv becomes which metric of a point."""


@dataclass
class GradientCost(Experiment):
    """The time of a gradient over the time of its function, against the size of a published workload."""

    name: ClassVar[str] = "gradient_cost"
    headline: ClassVar[tuple[str, ...]] = ("cost/ratio", "time/function_us", "time/gradient_us")
    imports: ClassVar[tuple[str, ...]] = ("scipy.differentiate", "scipy.special")
    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {"workload": WORKLOADS}

    workload: Workload
    dtype: str = "float32"
    mode: str = "graph"
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(rounds=7, max_seconds=1.0))

    def __post_init__(self) -> None:
        require_choice(self, "dtype", tuple(DTYPES))
        require_choice(self, "mode", MODES)
        require_seed(self)

    def run(self, recorder: Recorder) -> None:
        recorder.progress(self.workload.title, 0.0, "operands, first calls, checks")
        series, points = Series(self), list[Point]()
        try:
            for size, point in series.visits():
                if point and series.is_complete(size):
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured), recorder)
                recorder.progress(f"n={size}", *self._progress(series, size, point))
        except KeyboardInterrupt:
            recorded = {point.size for point in points}
            for point in series.points():
                if point.size not in recorded:
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured), recorder)
            raise
        finally:
            answer = Answer(self, points, series.not_measured)
            recorder.table("results", answer.rows())
            recorder.note(answer.note())
            try:
                recorder.measured()
                _draw(answer, recorder)
            except KeyboardInterrupt:  # it comes once: the second time is undisturbed
                _draw(answer, recorder)
                raise
        if not points:
            raise Refused(f"no size could be measured: {series.not_measured[min(series.not_measured)]}")

    @classmethod
    def compare(cls, members: Sequence[Member], recorder: Recorder) -> None:
        compare(members, recorder)

    def _progress(self, series: Series, size: int, point: Point | None) -> tuple[float, str]:
        """How far a size is, and what is known of it."""
        if point is None:
            return 1.0, f"not measured: {series.not_measured[size]}"
        interval = f" ({in_words(point.ratio)})" if math.isfinite(point.ratio.low) else ""
        known = f"ratio {point.ratio.value:.2f}{interval}"
        if series.is_complete(size):
            return 1.0, known
        done = min(measurement.samples[-1].round for measurement in point.measurements.values()) + 1
        return done / self.timing.rounds, known


def _record(point: Point, answer: Answer, recorder: Recorder) -> None:
    """A new point's metrics, and the tables with it."""
    row = answer.row(point)
    for metric, column in METRICS.items():
        value = row.get(column)
        if isinstance(value, float) and math.isfinite(value):
            recorder.metric(metric, value, step=point.size)
    recorder.table("results", answer.rows())
    recorder.table("samples", answer.sample_rows())


def _draw(answer: Answer, recorder: Recorder) -> None:
    if answer.points:
        recorder.figure("cost", cost_figure(answer))
        recorder.figure("time", time_figure(answer))
