"""The settings of a measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from experiments.validators import InvalidField, require_at_least, require_choice

METHODS = ("adaptive", "textbook")


@dataclass
class Timing:
    """How carefully a call is measured. Times are in seconds, and samples, of all processes together."""

    method: str = "adaptive"
    """``adaptive`` (docs/measurement.md), or ``textbook``: ten calls to warm up, then the mean of ten."""
    processes: int = 5
    """In how many fresh processes each point is measured. An interval needs two; ``textbook`` always takes one."""
    target: float = 0.02
    """Sampling stops when the half width of the median's 95 % interval is at most this share of the median.

    Within a process it is that process's own interval, and the spread between the processes if that is larger; beside
    other processes, of which the differences count, the own interval alone.
    """
    min_samples: int = 10
    max_seconds: float = 2.0
    """Sampling of a call stops after this time even if the target is not reached."""
    rounds: int = 3
    """Visits to each point, with other points in between, so that slow drifts of the machine affect all alike."""
    warmup_seconds: float = 0.1
    block_seconds: float = 0.01
    """The least time of a sample, which is a block of calls; half of it where processes alternate block by block."""

    def __post_init__(self) -> None:
        require_choice(self, "method", METHODS)
        for field in ("processes", "min_samples", "rounds"):
            require_at_least(self, field, 1)
        for field in ("target", "max_seconds", "warmup_seconds", "block_seconds"):
            require_at_least(self, field, 0)
        if self.max_seconds == 0:
            raise InvalidField(self, "max_seconds", "0 leaves no time to measure; give seconds, such as 2")

    @property
    def is_textbook(self) -> bool:
        return self.method == "textbook"

    @property
    def processes_needed(self) -> int:
        """In how many processes a point is measured: one where the method is the textbook's."""
        return 1 if self.is_textbook else self.processes

    @property
    def of_one_process(self) -> Timing:
        """The share of one process, which takes its part of the time, the samples and the rounds."""
        count = self.processes_needed
        return replace(
            self,
            min_samples=math.ceil(self.min_samples / count),
            max_seconds=self.max_seconds / count,
            rounds=math.ceil(self.rounds / count),
            warmup_seconds=self.warmup_seconds / count,
        )


def timing_of(experiment: object) -> Timing | None:
    """Return how carefully an experiment measures; None for one that times nothing."""
    return next((value for value in vars(experiment).values() if isinstance(value, Timing)), None)


def processes_of(experiment: object) -> int:
    """Return in how many processes an experiment measures: one where it times nothing."""
    timing = timing_of(experiment)
    return timing.processes_needed if timing else 1
