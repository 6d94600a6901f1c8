"""The fields of the experiment ``gradient_cost`` and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.gradient_cost.workloads import Workload
from experiments.measure import Timing
from experiments.runtime.modes import MODES
from experiments.validators import require_choice, require_seed

DTYPES = ("float32", "float64")
"""The published workloads are stated for these, and so are the errors that are allowed."""


@dataclass
class GradientCostSettings:
    """Which workload is differentiated, and how carefully it is measured."""

    workload: Workload
    dtype: str = "float32"
    mode: str = "graph"
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(rounds=7, max_seconds=1.0))

    def __post_init__(self) -> None:
        require_choice(self, "dtype", DTYPES)
        require_choice(self, "mode", MODES)
        require_seed(self)

    @property
    def setting(self) -> str:
        """The circumstances that all sizes share, for a note or a figure: ``float32, graph``."""
        return f"{self.dtype}, {self.mode}"
