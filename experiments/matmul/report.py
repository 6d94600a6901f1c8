"""Recording a series of products: its metrics, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from experiments.matmul.answer import MatmulAnswer, spread
from experiments.matmul.plots import throughput_figure, time_figure
from experiments.matmul.series import MatmulPoint, MatmulSeries
from experiments.matmul.settings import MatmulSettings
from experiments.recorder import Recorder
from experiments.reporting.text import duration
from experiments.runtime.roofline import Roofline
from experiments.series.recording import SizeReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MatmulReport(SizeReport[MatmulPoint, MatmulAnswer]):
    """Records times, throughput and the limits of the machine."""

    metrics: ClassVar[Mapping[str, str]] = {
        "time/median_us": "median_us",
        "time/mean_us": "mean_us",
        "time/ci_low_us": "ci_low_us",
        "time/ci_high_us": "ci_high_us",
        "time/first_call_us": "first_call_us",
        "time/latency_us": "latency_us",
        "throughput/gflops": "gflops",
        "bandwidth/gbytes_per_s": "gbytes_per_s",
    }

    def __init__(self, settings: MatmulSettings, placement: str, limits: Roofline, recorder: Recorder) -> None:
        super().__init__(MatmulSeries(settings), recorder)
        self._settings, self._placement, self._limits = settings, placement, limits

    def known(self, key: int, point: MatmulPoint) -> str:
        measurement = point.measurement
        known = f"{duration(measurement.median)}{spread(measurement)}, {len(measurement.samples)} samples"
        return f"{known}, stopped: {measurement.stopped}" if self.series.is_complete(key) else known

    def answer(self) -> MatmulAnswer:
        points, not_measured = list(self.points.values()), self.series.not_measured
        return MatmulAnswer(self._settings, self._placement, points, not_measured, self._limits)

    def conclude(self, answer: MatmulAnswer) -> None:
        """Record the measured limits and each point's share of the peak."""
        self.recorder.metric("peak/gflops", answer.roofline.compute.rate / 1e9)
        self.recorder.metric("peak/gbytes_per_s", answer.roofline.memory.rate / 1e9)
        self.recorder.metric("peak/dispatch_us", answer.roofline.dispatch_seconds * 1e6)
        for point in answer.points:
            self.record_metric("throughput/share_of_peak", answer.share_of_peak(point), step=point.product.size)

    def figures(self) -> Mapping[str, Callable[[MatmulAnswer], Figure]]:
        return {"time": time_figure, "throughput": throughput_figure}
