"""The model as TensorFlow itself answers with it: what each backend is held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from experiments.deployment.backends import BackendFailed, Outputs
from experiments.deployment.scoring import Scoring
from experiments.deployment.test_set import TestSet
from experiments.networks.datasets.splitting import Rows
from experiments.recorder import Source


@dataclass(frozen=True)
class Original:
    """The model that is served, and its answers to the test set."""

    source: Source
    parameters: int
    test_set: TestSet
    outputs: Outputs
    """Its outputs for the test set's inputs."""
    scoring: Scoring | None
    """How outputs are held against the test set's labels; None without labels."""

    @cached_property
    def quality(self) -> float | None:
        """How well it answers the test set; None without labels."""
        return self.quality_of(self.outputs)

    @property
    def measure_of_quality(self) -> str:
        """The name of a quality."""
        return "accuracy" if self.scoring is None else self.scoring.measure

    def quality_of(self, outputs: Outputs) -> float | None:
        """Return how well these outputs answer the test set; None without labels."""
        return None if self.scoring is None else self.scoring.quality(outputs)

    def difference(self, outputs: Outputs) -> float:
        """Return the largest absolute difference from its own outputs.

        Raises BackendFailed for another shape, and for outputs that are no finite numbers.
        """
        if outputs.shape != self.outputs.shape:
            raise BackendFailed(f"its outputs have the shape {outputs.shape}, the original's {self.outputs.shape}")
        if problem := no_numbers(outputs, self.test_set.rows):
            raise BackendFailed(f"{problem}, where the original's are numbers")
        return float(np.max(np.abs(outputs.astype(np.float64) - self.outputs.astype(np.float64))))


def no_numbers(outputs: Outputs, rows: Rows) -> str:
    """Say which outputs, those for ``rows`` of the test set, are NaN or infinite; nothing if none are."""
    wrong = ~np.isfinite(outputs.astype(np.float64)).reshape(len(outputs), -1).all(axis=1)
    if not wrong.any():
        return ""
    first = rows[wrong.argmax()]
    return f"{wrong.sum():,} of {len(outputs):,} outputs hold NaN or infinity, first that of example {first}"
