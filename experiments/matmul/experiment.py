"""The experiment ``matmul``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.comparison import Member
from experiments.device import current
from experiments.experiment import Experiment, Refused
from experiments.fields import InvalidField, require_choice, require_seed
from experiments.matmul.answer import Answer, in_words, spread
from experiments.matmul.comparison import compare
from experiments.matmul.plots import throughput_figure, time_figure
from experiments.matmul.product import DTYPES, MODES, SHAPES, Product, new_call
from experiments.matmul.series import Point, Series
from experiments.measure import Timing
from experiments.recorder import Recorder
from experiments.roofline import Roofline, measure_compute, measure_dispatch, measure_memory
from experiments.words import duration

METRICS = {
    "time/median_us": "median_us",
    "time/mean_us": "mean_us",
    "time/ci_low_us": "ci_low_us",
    "time/ci_high_us": "ci_high_us",
    "time/first_call_us": "first_call_us",
    "time/latency_us": "latency_us",
    "throughput/gflops": "gflops",
    "bandwidth/gbytes_per_s": "gbytes_per_s",
}
"""Which column of results.csv becomes which metric of a point."""


@dataclass
class Matmul(Experiment):
    """The time of C = A B against its size n, for one shape, dtype and execution mode."""

    name: ClassVar[str] = "matmul"
    headline: ClassVar[tuple[str, ...]] = ("time/median_us", "throughput/gflops")

    sizes: list[int] = field(default_factory=list)
    shape: str = "inner"
    dtype: str = "float32"
    mode: str = "eager"
    seed: int = 0
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        require_choice(self, "shape", tuple(SHAPES))
        require_choice(self, "dtype", tuple(DTYPES))
        require_choice(self, "mode", MODES)
        if not self.sizes:
            raise InvalidField(self, "sizes", "is empty; give at least one size, such as [1,10,100]")
        require_seed(self)
        for size in self.sizes:
            if not 1 <= size < 2**31:
                raise InvalidField(self, "sizes", f"{size} is not a size; sizes are whole numbers from 1 to 2^31 - 1")

    def run(self, recorder: Recorder) -> None:
        recorder.progress("limits", 0.0, "what can this machine reach?")
        limits = recorder.once(f"limits {self.shape} {self.dtype} {self.mode}", self._measure_limits)
        recorder.progress("limits", 1.0, in_words(limits))
        series, points = Series(self), list[Point]()
        try:
            for size, point in series.visits():
                if point and series.is_complete(size):
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured, limits), recorder)
                recorder.progress(f"n={size}", *self._progress(series, size, point))
        except KeyboardInterrupt:
            recorded = {point.product.size for point in points}
            for point in series.points():
                if point.product.size not in recorded:
                    points.append(point)
                    _record(point, Answer(self, points, series.not_measured, limits), recorder)
            raise
        finally:
            answer = Answer(self, points, series.not_measured, limits)
            _record_answer(answer, recorder)
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

    def _measure_limits(self) -> Roofline:
        smallest = Product(self.shape, 1, self.dtype)
        return Roofline(
            compute=measure_compute(current(), self.dtype),
            memory=measure_memory(current()),
            dispatch_seconds=measure_dispatch(new_call(self.mode), smallest.operands(self.seed)),
        )

    def _progress(self, series: Series, size: int, point: Point | None) -> tuple[float, str]:
        """How far a size is, and what is known of it."""
        if point is None:
            return 1.0, f"not measured: {series.not_measured[size]}"
        measurement = point.measurement
        known = f"{duration(measurement.median)}{spread(measurement)}, {len(measurement.samples)} samples"
        if series.is_complete(size):
            return 1.0, f"{known}, stopped: {measurement.stopped}"
        return (measurement.samples[-1].round + 1) / self.timing.rounds, known


def _record(point: Point, answer: Answer, recorder: Recorder) -> None:
    """A new point's metrics, and the tables with it."""
    row = answer.row(point)
    for metric, column in METRICS.items():
        value = row[column]
        if isinstance(value, float) and math.isfinite(value):
            recorder.metric(metric, value, step=point.product.size)
    recorder.table("results", answer.rows())
    recorder.table("samples", answer.sample_rows())


def _record_answer(answer: Answer, recorder: Recorder) -> None:
    """What could only be said when every point was there: the peak and the shares of it, words."""
    recorder.metric("peak/gflops", answer.roofline.compute.rate / 1e9)
    recorder.metric("peak/gbytes_per_s", answer.roofline.memory.rate / 1e9)
    recorder.metric("peak/dispatch_us", answer.roofline.dispatch_seconds * 1e6)
    for point in answer.points:
        recorder.metric("throughput/share_of_peak", answer.share_of_peak(point), step=point.product.size)
    recorder.table("results", answer.rows())
    recorder.note(answer.note())


def _draw(answer: Answer, recorder: Recorder) -> None:
    if answer.points:
        recorder.figure("time", time_figure(answer))
        recorder.figure("throughput", throughput_figure(answer))
