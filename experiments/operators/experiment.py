"""The experiment ``operators``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from experiments.experiment import Experiment
from experiments.job_result import JobResult
from experiments.measure import Timing
from experiments.operators.calls import MODES
from experiments.operators.catalogue import OPERATORS
from experiments.operators.comparison import compare
from experiments.operators.report import GEOMETRIC_MEAN, OperatorsReport
from experiments.operators.size import Size
from experiments.operators.verification import DTYPES
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.roofline import measure_compute
from experiments.validators import InvalidField, require_at_least, require_choice, require_seed, suggestion


@dataclass
class Operators(Experiment):
    """The time of common operations and layers, forward and backward, at one size, dtype and execution mode."""

    name: ClassVar[str] = "operators"
    headline: ClassVar[tuple[str, ...]] = tuple(GEOMETRIC_MEAN)
    imports: ClassVar[tuple[str, ...]] = ("keras", "scipy.special")

    operators: list[str] = field(default_factory=list)
    """By name; none named means all."""
    size: Size = field(default_factory=Size)
    dtype: str = "float32"
    mode: str = "graph"
    longest_call: float = 3.0
    """Seconds: an operator of which one call takes longer is left out."""
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(max_seconds=0.5))

    def __post_init__(self) -> None:
        for name in self.operators:
            if name not in OPERATORS:
                known = f"{name!r} is not one of {', '.join(OPERATORS)}"
                raise InvalidField(self, "operators", f"{known}{suggestion(name, OPERATORS)}")
        require_choice(self, "dtype", tuple(DTYPES))
        require_choice(self, "mode", MODES)
        require_at_least(self, "longest_call", 0)
        require_seed(self)

    @property
    def chosen(self) -> list[str]:
        """The names of the operators to measure, each once."""
        return list(dict.fromkeys(self.operators or OPERATORS))

    def run(self, recorder: Recorder) -> None:
        recorder.progress("peak", 0.0, "what can this machine reach?")
        peak = recorder.once(f"peak {self.dtype}", lambda: measure_compute(current(), self.dtype))
        recorder.progress("peak", 1.0, f"{peak.rate / 1e9:.3g} GFLOP/s ({peak.route})")
        OperatorsReport(self, peak, recorder).run()

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)
