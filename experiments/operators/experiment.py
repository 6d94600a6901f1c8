"""The experiment ``operators``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.experiment import Experiment, Tolerance
from experiments.job_result import JobResult
from experiments.operators.comparison import compare
from experiments.operators.report import GEOMETRIC_MEAN, OperatorsReport
from experiments.operators.series import OperatorsSeries
from experiments.operators.settings import OperatorsSettings
from experiments.operators.verification import TOLERANCE
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.modes import TF32_TOLERANCE, may_have_used_tf32
from experiments.runtime.roofline import measure_compute


@dataclass
class Operators(OperatorsSettings, Experiment):
    """The time of common operations and layers, forward and backward, at one size, dtype and execution mode."""

    name: ClassVar[str] = "operators"
    version: ClassVar[int] = 2
    named_after: ClassVar[tuple[str, ...]] = ("name", "dtype", "mode")
    headline: ClassVar[tuple[str, ...]] = tuple(GEOMETRIC_MEAN)
    imports: ClassVar[tuple[str, ...]] = ("keras", "scipy.special")

    def run(self, recorder: Recorder) -> None:
        recorder.progress("peak", 0.0, "what can this machine reach?")
        peak = recorder.once(f"peak {self.dtype}", lambda: measure_compute(current(), self.dtype))
        recorder.progress("peak", 1.0, f"{peak.rate / 1e9:.3g} GFLOP/s ({peak.route})")
        OperatorsReport(self, current().title, peak, recorder).run()

    def bytes_needed(self) -> int:
        return OperatorsSeries(self).most_bytes_needed

    def bytes_on_host(self) -> int:
        return OperatorsSeries(self).most_bytes_on_host

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow errors to differ by as much as the check lets them be, which may be a check of TF32."""
        exact = TOLERANCE.get(str(config.get("experiment.dtype")), 0.0)
        allowed = Tolerance(absolute=TF32_TOLERANCE if may_have_used_tf32(config) else exact)
        return {"error/*": allowed, "gradient_error/*": allowed}

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)
