"""The experiment ``matmul``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from experiments.experiment import Experiment
from experiments.job_result import JobResult
from experiments.matmul.answer import in_words
from experiments.matmul.comparison import compare
from experiments.matmul.product import Product, new_call
from experiments.matmul.refinement import further_sizes
from experiments.matmul.report import MatmulReport
from experiments.matmul.series import MatmulSeries
from experiments.matmul.settings import MatmulSettings
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.roofline import Roofline, measure_compute, measure_dispatch, measure_memory


@dataclass
class Matmul(MatmulSettings, Experiment):
    """The time of C = A B against its size n, for one shape, dtype and execution mode."""

    name: ClassVar[str] = "matmul"
    version: ClassVar[int] = 3
    named_after: ClassVar[tuple[str, ...]] = ("shape", "dtype", "mode")
    headline: ClassVar[tuple[str, ...]] = ("time/median_us", "throughput/gflops")

    def run(self, recorder: Recorder) -> None:
        limits = recorder.once(f"limits {self.shape} {self.dtype} {self.mode}", lambda: self._measure_limits(recorder))
        MatmulReport(self, current().title, limits, recorder).run()

    def bytes_needed(self) -> int:
        return MatmulSeries(self).most_bytes_needed

    def bytes_on_host(self) -> int:
        return MatmulSeries(self).most_bytes_on_host

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)

    @classmethod
    def further(cls, members: Sequence[JobResult]) -> Mapping[int, Mapping[str, Any]]:
        return {job: {"sizes": sizes} for job, sizes in further_sizes(members).items()}

    def _measure_limits(self, recorder: Recorder) -> Roofline:
        recorder.progress("limits", 0.0, "what can this machine reach?")
        smallest = Product(self.shape, 1, self.dtype)
        limits = Roofline(
            compute=measure_compute(current(), self.dtype),
            memory=measure_memory(current()),
            dispatch_seconds=measure_dispatch(new_call(self.mode), smallest.operands(self.seed)),
        )
        recorder.progress("limits", 1.0, in_words(limits))
        return limits
