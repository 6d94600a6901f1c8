"""The experiment ``matmul``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.experiment import Experiment
from experiments.job_result import JobResult
from experiments.matmul.answer import in_words
from experiments.matmul.comparison import compare
from experiments.matmul.product import DTYPES, MODES, SHAPES, Product, new_call
from experiments.matmul.report import MatmulReport
from experiments.measure import Timing
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.roofline import Roofline, measure_compute, measure_dispatch, measure_memory
from experiments.validators import InvalidField, require_choice, require_seed


@dataclass
class Matmul(Experiment):
    """The time of C = A B against its size n, for one shape, dtype and execution mode."""

    name: ClassVar[str] = "matmul"
    version: ClassVar[int] = 2
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
        MatmulReport(self, limits, recorder).run()

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)

    def _measure_limits(self) -> Roofline:
        smallest = Product(self.shape, 1, self.dtype)
        return Roofline(
            compute=measure_compute(current(), self.dtype),
            memory=measure_memory(current()),
            dispatch_seconds=measure_dispatch(new_call(self.mode), smallest.operands(self.seed)),
        )
