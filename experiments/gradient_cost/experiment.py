"""The experiment ``gradient_cost``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.experiment import Choice, Experiment, Tolerance
from experiments.gradient_cost.comparison import compare
from experiments.gradient_cost.report import GradientCostReport
from experiments.gradient_cost.series import GradientCostSeries
from experiments.gradient_cost.settings import GradientCostSettings
from experiments.gradient_cost.verification import TOLERANCE
from experiments.gradient_cost.workloads import WORKLOADS
from experiments.job_result import JobResult
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.modes import TF32_TOLERANCE, may_have_used_tf32


@dataclass
class GradientCost(GradientCostSettings, Experiment):
    """The time of a gradient over the time of its function, against the size of a published workload."""

    name: ClassVar[str] = "gradient_cost"
    version: ClassVar[int] = 2
    named_after: ClassVar[tuple[str, ...]] = ("workload", "dtype", "mode")
    headline: ClassVar[tuple[str, ...]] = ("cost/ratio", "time/function_us", "time/gradient_us")
    imports: ClassVar[tuple[str, ...]] = ("scipy.differentiate", "scipy.special")
    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {"workload": WORKLOADS}

    def run(self, recorder: Recorder) -> None:
        recorder.progress(self.workload.title, 0.0, "operands, first calls, checks")
        GradientCostReport(self, current().title, recorder).run()

    def bytes_needed(self) -> int:
        return GradientCostSeries(self).most_bytes_needed

    def bytes_on_host(self) -> int:
        return GradientCostSeries(self).most_bytes_on_host

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow the gradient's error to differ by as much as the check lets it be, which may be a check of TF32."""
        exact = TOLERANCE.get(str(config.get("experiment.dtype")), 0.0)
        return {"gradient/error": Tolerance(absolute=TF32_TOLERANCE if may_have_used_tf32(config) else exact)}

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)
