"""The experiment ``operators``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.comparison import Member
from experiments.device import current
from experiments.experiment import Experiment, Refused
from experiments.fields import InvalidField, require_at_least, require_choice, require_seed, suggestion
from experiments.measure import Timing
from experiments.operators.answer import Answer
from experiments.operators.calls import MODES
from experiments.operators.catalogue import OPERATORS
from experiments.operators.comparison import compare
from experiments.operators.plots import time_figure
from experiments.operators.series import Point, Series
from experiments.operators.size import Size
from experiments.operators.verification import DTYPES
from experiments.recorder import Recorder
from experiments.roofline import measure_compute
from experiments.words import duration

METRICS = {
    "time/forward_us": "forward_us",
    "time/forward_backward_us": "forward_backward_us",
    "time/backward_us": "backward_us",
    "ratio": "ratio",
    "throughput/gflops": "gflops",
    "error": "output_error",
    "gradient_error": "gradient_error",
}
"""Which column of results.csv becomes which metric of an operator; its name comes behind a slash."""

GEOMETRIC_MEAN = {
    "geometric_mean/forward_us": "forward_us",
    "geometric_mean/forward_backward_us": "forward_backward_us",
}
"""Over all operators, so that a sweep has one number a job to compare; only where each of them was measured."""


@dataclass
class Operators(Experiment):
    """The time of common operations and layers, forward and backward, at one size, dtype and execution mode."""

    name: ClassVar[str] = "operators"
    headline: ClassVar[tuple[str, ...]] = tuple(GEOMETRIC_MEAN)
    imports: ClassVar[tuple[str, ...]] = ("keras", "scipy.special")

    operators: list[str] = field(default_factory=list)
    """By name; none named means all."""
    size: Size = field(default_factory=Size)
    dtype: str = "float32"
    mode: str = "graph"
    longest_call: float = 3.0
    """Seconds: an operator of which one call takes longer is left out."""
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(max_seconds=0.5))

    def __post_init__(self) -> None:
        for name in self.operators:
            if name not in OPERATORS:
                known = f"{name!r} is not one of {', '.join(OPERATORS)}"
                raise InvalidField(self, "operators", f"{known}{suggestion(name, OPERATORS)}")
        require_choice(self, "dtype", tuple(DTYPES))
        require_choice(self, "mode", MODES)
        require_at_least(self, "longest_call", 0)
        require_seed(self)

    @property
    def chosen(self) -> list[str]:
        """The names of the operators to measure, each once."""
        return list(dict.fromkeys(self.operators or OPERATORS))

    def run(self, recorder: Recorder) -> None:
        recorder.progress("peak", 0.0, "what can this machine reach?")
        peak = recorder.once(f"peak {self.dtype}", lambda: measure_compute(current(), self.dtype))
        recorder.progress("peak", 1.0, f"{peak.rate / 1e9:.3g} GFLOP/s ({peak.route})")
        series, points = Series(self), list[Point]()
        try:
            for name, point in series.visits():
                if point and series.is_complete(name):
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured, peak), recorder)
                recorder.progress(name, *self._progress(series, name, point))
        except KeyboardInterrupt:
            recorded = {point.operator.name for point in points}
            for point in series.points():
                if point.operator.name not in recorded:
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured, peak), recorder)
            raise
        finally:
            answer = Answer(self, points, series.not_measured, peak)
            _record_answer(answer, recorder)
            try:
                recorder.measured()
                _draw(answer, recorder)
            except KeyboardInterrupt:  # it comes once: the second time is undisturbed
                _draw(answer, recorder)
                raise
        if not points:
            name, reason = next(iter(series.not_measured.items()))
            raise Refused(f"no operator could be measured: {name}: {reason}")

    @classmethod
    def compare(cls, members: Sequence[Member], recorder: Recorder) -> None:
        compare(members, recorder)

    def _progress(self, series: Series, name: str, point: Point | None) -> tuple[float, str]:
        """How far an operator is, and what is known of it."""
        if point is None:
            return 1.0, f"not measured: {series.not_measured[name]}"
        times = duration(point.forward.median), duration(point.both.median)
        known = f"forward {times[0]}, with backward {times[1]}"
        if series.is_complete(name):
            return 1.0, known
        done = min(measurement.samples[-1].round for measurement in point.measurements.values()) + 1
        return done / self.timing.rounds, known


def _record(point: Point, answer: Answer, recorder: Recorder) -> None:
    """A new point's metrics, and the tables with it."""
    row = answer.row(point)
    for metric, column in METRICS.items():
        value = row.get(column)
        if isinstance(value, float) and math.isfinite(value):
            recorder.metric(f"{metric}/{point.operator.name}", value)
    recorder.table("results", answer.rows())
    recorder.table("samples", answer.sample_rows())


def _record_answer(answer: Answer, recorder: Recorder) -> None:
    """What could only be said when every point was there."""
    recorder.metric("peak/gflops", answer.peak.rate / 1e9)
    for point in answer.points:
        if (share := answer.share_of_peak(point)) is not None:
            recorder.metric(f"throughput/share_of_peak/{point.operator.name}", share)
    if len(answer.points) == len(answer.operators.chosen):
        for metric, column in GEOMETRIC_MEAN.items():
            recorder.metric(metric, answer.geometric_mean(column))
    recorder.table("results", answer.rows())
    recorder.note(answer.note())


def _draw(answer: Answer, recorder: Recorder) -> None:
    if answer.points:
        recorder.figure("operators", time_figure(answer))
