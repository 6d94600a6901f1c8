"""The experiment ``matmul``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.device import current
from experiments.experiment import Experiment, Refused
from experiments.fields import InvalidField, require_choice
from experiments.matmul.plots import throughput_figure, time_figure
from experiments.matmul.product import DTYPES, MODES, SHAPES, Product, new_call
from experiments.matmul.report import duration, limits, missing_row, note, result_row, sample_rows, spread
from experiments.matmul.series import Point, Series
from experiments.measure import Timing
from experiments.recorder import Recorder
from experiments.roofline import Roofline, measure_compute, measure_dispatch, measure_memory

METRICS = {
    "time/median_us": "median_us",
    "time/mean_us": "mean_us",
    "time/ci_low_us": "ci_low_us",
    "time/ci_high_us": "ci_high_us",
    "time/first_call_us": "first_call_us",
    "time/latency_us": "latency_us",
    "throughput/gflops": "gflops",
    "throughput/share_of_peak": "share_of_peak",
    "bandwidth/gbytes_per_s": "gbytes_per_s",
}
"""Which column of results.csv becomes which metric."""


@dataclass
class Matmul(Experiment):
    """The time of C = A B against its size n, for one shape, dtype and execution mode."""

    name: ClassVar[str] = "matmul"

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
        for size in self.sizes:
            if not 1 <= size < 2**31:
                raise InvalidField(self, "sizes", f"{size} is not a size; sizes are whole numbers from 1 to 2^31 - 1")

    def run(self, recorder: Recorder) -> None:
        roofline = self._measure_roofline(recorder)
        series, points = Series(self), list[Point]()
        try:
            for size, point in series.visits():
                if point and series.is_complete(size):
                    points.append(point)
                    self._record(point, roofline, recorder)
                recorder.progress(f"n={size}", *self._progress(series, size, point))
        except KeyboardInterrupt:
            for point in series.incomplete_points():
                points.append(point)
                self._record(point, roofline, recorder)
            raise
        finally:
            points.sort(key=lambda point: point.product.size)
            self._conclude(points, series, roofline, recorder)
        if not points:
            raise Refused(f"no size could be measured: {series.not_measured[min(series.not_measured)]}")

    def _measure_roofline(self, recorder: Recorder) -> Roofline:
        recorder.progress("limits", 0.0, "what can this machine reach?")
        smallest = Product(self.shape, 1, self.dtype)
        roofline = Roofline(
            compute=measure_compute(current(), self.dtype),
            memory=measure_memory(current()),
            dispatch_seconds=measure_dispatch(new_call(self.mode), smallest.operands(self.seed)),
        )
        recorder.metric("peak/gflops", roofline.compute.rate / 1e9)
        recorder.metric("peak/gbytes_per_s", roofline.memory.rate / 1e9)
        recorder.metric("peak/dispatch_us", roofline.dispatch_seconds * 1e6)
        recorder.progress("limits", 1.0, limits(roofline))
        return roofline

    def _record(self, point: Point, roofline: Roofline, recorder: Recorder) -> None:
        """The metrics and the rows of one point."""
        row = result_row(point, roofline)
        for metric, column in METRICS.items():
            value = row[column]
            if isinstance(value, float) and math.isfinite(value):
                recorder.metric(metric, value, step=point.product.size)
        recorder.table("results", [row])
        recorder.table("samples", sample_rows(point))

    def _conclude(self, points: list[Point], series: Series, roofline: Roofline, recorder: Recorder) -> None:
        """The plots and the answer in words."""
        recorder.table("results", [missing_row(size, reason) for size, reason in sorted(series.not_measured.items())])
        recorder.note(note(self, points, series.not_measured, roofline))
        if points:
            recorder.figure("time", time_figure(self, points))
            recorder.figure("throughput", throughput_figure(self, points, roofline))

    def _progress(self, series: Series, size: int, point: Point | None) -> tuple[float, str]:
        """How far a size is, and what is known of it."""
        if point is None:
            return 1.0, f"not measured: {series.not_measured[size]}"
        measurement = point.measurement
        known = f"{duration(measurement.median)} {spread(measurement)}, {len(measurement.samples)} samples"
        if series.is_complete(size):
            return 1.0, f"{known}, stopped: {measurement.stopped}"
        rounds = measurement.samples[-1].round + 1
        return rounds / self.timing.rounds, known
