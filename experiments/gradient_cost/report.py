"""Recording a workload's series: its metrics, tables and figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from experiments.gradient_cost.answer import GradientCostAnswer, in_words
from experiments.gradient_cost.plots import cost_figure, time_figure
from experiments.gradient_cost.series import GradientCostPoint, GradientCostSeries
from experiments.gradient_cost.settings import GradientCostSettings
from experiments.recorder import Recorder
from experiments.runtime.modes import tf32_in_use
from experiments.series.recording import SizeReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class GradientCostReport(SizeReport[GradientCostPoint, GradientCostAnswer]):
    """Records the ratio of the two times against the size."""

    metrics: ClassVar[Mapping[str, str]] = {
        "cost/ratio": "ratio",
        "cost/ratio_low": "ratio_low",
        "cost/ratio_high": "ratio_high",
        "cost/hessian_ratio": "hessian_ratio",
        "time/function_us": "function_us",
        "time/gradient_us": "gradient_us",
        "time/hessian_us": "hessian_us",
        "gradient/error": "gradient_error",
    }

    def __init__(self, settings: GradientCostSettings, placement: str, recorder: Recorder) -> None:
        super().__init__(GradientCostSeries(settings), recorder)
        self._settings, self._placement = settings, placement

    def known(self, key: int, point: GradientCostPoint) -> str:
        interval = f" ({in_words(point.ratio)})" if math.isfinite(point.ratio.low) else ""
        return f"ratio {point.ratio.value:.2f}{interval}"

    def answer(self) -> GradientCostAnswer:
        points, not_measured = list(self.points.values()), self.series.not_measured
        return GradientCostAnswer(self._settings, self._placement, points, not_measured, tf32_in_use())

    def figures(self) -> Mapping[str, Callable[[GradientCostAnswer], Figure]]:
        return {"cost": cost_figure, "time": time_figure}
