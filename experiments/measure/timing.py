"""The settings of a measurement."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.validators import InvalidField, require_at_least, require_choice

METHODS = ("adaptive", "textbook")


@dataclass
class Timing:
    """How carefully a call is measured. Times are in seconds."""

    method: str = "adaptive"
    """``adaptive`` (docs/measurement.md), or ``textbook``: ten calls to warm up, then the mean of ten."""
    target: float = 0.02
    """Sampling stops when the half width of the median's 95 % interval is at most this share of the median."""
    min_samples: int = 10
    max_seconds: float = 2.0
    """Sampling of a point stops after this time even if the target is not reached."""
    rounds: int = 3
    """Visits to each point, with other points in between, so that slow drifts of the machine affect all alike."""
    warmup_seconds: float = 0.1
    block_seconds: float = 0.01
    """The least time of a sample, which is a block of calls."""

    def __post_init__(self) -> None:
        require_choice(self, "method", METHODS)
        for field in ("min_samples", "rounds"):
            require_at_least(self, field, 1)
        for field in ("target", "max_seconds", "warmup_seconds", "block_seconds"):
            require_at_least(self, field, 0)
        if self.max_seconds == 0:
            raise InvalidField(self, "max_seconds", "0 leaves no time to measure; give seconds, such as 2")
