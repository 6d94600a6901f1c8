"""How carefully to measure."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.validators import InvalidField, require_at_least, require_choice

METHODS = ("adaptive", "textbook")


@dataclass
class Timing:
    """The settings of a measurement. Times are in seconds."""

    method: str = "adaptive"
    """``adaptive`` is docs/measurement.md's algorithm; ``textbook`` is ten calls to warm up, then the mean of ten."""
    target: float = 0.02
    """Stop when the half width of the median's 95 % interval is at most this share of the median."""
    min_samples: int = 10
    max_seconds: float = 2.0
    """Stop sampling a point after this long, precise or not."""
    rounds: int = 3
    """Each point is visited this often, other points in between, so that slow drifts hit all alike."""
    warmup_seconds: float = 0.1
    block_seconds: float = 0.01
    """A sample is a block of calls that takes at least this long."""

    def __post_init__(self) -> None:
        require_choice(self, "method", METHODS)
        for field in ("min_samples", "rounds"):
            require_at_least(self, field, 1)
        for field in ("target", "max_seconds", "warmup_seconds", "block_seconds"):
            require_at_least(self, field, 0)
        if self.max_seconds == 0:
            raise InvalidField(self, "max_seconds", "0 leaves no time to measure; give seconds, such as 2")
