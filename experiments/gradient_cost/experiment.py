"""The experiment ``gradient_cost``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.experiment import Choice, Experiment
from experiments.gradient_cost.comparison import compare
from experiments.gradient_cost.operations import DTYPES, MODES
from experiments.gradient_cost.report import GradientCostReport
from experiments.gradient_cost.workloads import WORKLOADS, Workload
from experiments.job_result import JobResult
from experiments.measure import Timing
from experiments.recorder import Recorder
from experiments.validators import require_choice, require_seed


@dataclass
class GradientCost(Experiment):
    """The time of a gradient over the time of its function, against the size of a published workload."""

    name: ClassVar[str] = "gradient_cost"
    headline: ClassVar[tuple[str, ...]] = ("cost/ratio", "time/function_us", "time/gradient_us")
    imports: ClassVar[tuple[str, ...]] = ("scipy.differentiate", "scipy.special")
    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {"workload": WORKLOADS}

    workload: Workload
    dtype: str = "float32"
    mode: str = "graph"
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(rounds=7, max_seconds=1.0))

    def __post_init__(self) -> None:
        require_choice(self, "dtype", tuple(DTYPES))
        require_choice(self, "mode", MODES)
        require_seed(self)

    def run(self, recorder: Recorder) -> None:
        recorder.progress(self.workload.title, 0.0, "operands, first calls, checks")
        GradientCostReport(self, recorder).run()

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)
