"""How good the answers of a backend are beside the original's."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.deployment.backend_result import BackendResult
from experiments.deployment.original import Original
from experiments.deployment.scoring import Targets

LOSS = 0.005
"""How much a backend may lose and still count as good as the original: half a percentage point of accuracy, or this
share of the mean absolute error."""

SAME = 1e-4
"""The same without labels: the largest difference of any output, about the rounding of float32."""


@dataclass(frozen=True)
class Quality:
    """The quality of backends beside that of their original."""

    original: Original

    def is_as_good(self, result: BackendResult) -> bool:
        """Tell whether the backend loses at most :data:`LOSS` against the original, :data:`SAME` without labels."""
        original = self.original.quality
        if result.quality is None or original is None:
            return result.difference <= SAME
        if self._is_regression:
            return result.quality <= original * (1 + LOSS)
        return result.quality >= original - LOSS

    def in_words(self, result: BackendResult) -> str:
        """Return the accuracy or the mean absolute error, ``-`` without labels."""
        return "-" if result.quality is None else self._number(result.quality)

    def loss(self, result: BackendResult) -> str:
        """Say how far the backend's answers are from the original's."""
        original = self.original.quality
        if result.quality is None or original is None:
            return f"differs by up to {result.difference:.1e}"
        return f"has {self.in_words(result)} instead of the original's {self._number(original)}"

    def _number(self, quality: float) -> str:
        return f"{quality:.4g}" if self._is_regression else f"{quality:.2%}"

    @property
    def _is_regression(self) -> bool:
        return isinstance(self.original.scoring, Targets)
