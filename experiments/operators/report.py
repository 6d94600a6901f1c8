"""Recording a series of operators: its metrics, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from experiments.operators.answer import OperatorsAnswer
from experiments.operators.plots import time_figure
from experiments.operators.series import OperatorPoint, OperatorsSeries
from experiments.operators.settings import OperatorsSettings
from experiments.recorder import Recorder
from experiments.reporting.text import duration
from experiments.runtime.roofline import Limit
from experiments.series.recording import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GEOMETRIC_MEAN = {
    "geometric_mean/forward_us": "forward_us",
    "geometric_mean/forward_backward_us": "forward_backward_us",
}
"""Metric -> column: one number per job for a sweep to compare, recorded only if all operators were measured."""


class OperatorsReport(Report[str, OperatorPoint, OperatorsAnswer]):
    """Records times, throughput and errors; the metrics of an operator end in its name, ``ratio/relu``."""

    key_column: ClassVar[str] = "operator"
    metrics: ClassVar[Mapping[str, str]] = {
        "time/forward_us": "forward_us",
        "time/forward_backward_us": "forward_backward_us",
        "time/backward_us": "backward_us",
        "ratio": "ratio",
        "throughput/gflops": "gflops",
        "error": "output_error",
        "gradient_error": "gradient_error",
    }

    def __init__(self, settings: OperatorsSettings, placement: str, peak: Limit, recorder: Recorder) -> None:
        super().__init__(OperatorsSeries(settings), recorder)
        self._settings, self._placement, self._peak = settings, placement, peak

    def title(self, key: str) -> str:
        return key

    def known(self, key: str, point: OperatorPoint) -> str:
        return f"forward {duration(point.forward.median)}, with backward {duration(point.both.median)}"

    def metric(self, name: str, key: str) -> tuple[str, int]:
        return f"{name}/{key}", 0

    def answer(self) -> OperatorsAnswer:
        points, not_measured = list(self.points.values()), self.series.not_measured
        return OperatorsAnswer(self._settings, self._placement, points, not_measured, self._peak)

    def conclude(self, answer: OperatorsAnswer) -> None:
        """Record the peak, the operators' shares of it, and the geometric means."""
        self.recorder.metric("peak/gflops", answer.peak.rate / 1e9)
        for point in answer.points:
            if (share := answer.share_of_peak(point)) is not None:
                self.recorder.metric(f"throughput/share_of_peak/{point.operator.name}", share)
        if len(answer.points) == len(self.series.keys):
            for metric, column in GEOMETRIC_MEAN.items():
                self.recorder.metric(metric, answer.geometric_mean(column))

    def figures(self) -> Mapping[str, Callable[[OperatorsAnswer], Figure]]:
        return {"operators": time_figure}
