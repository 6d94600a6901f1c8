"""The limits of a job, and the moments at which it exceeds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.validators import InvalidField, require_at_least


@dataclass(frozen=True)
class Deadline:
    """A moment on ``time.monotonic``'s clock, and the reason for interrupting the job that misses it."""

    at: float = math.inf
    reason: str = ""


NEVER = Deadline()


@dataclass(frozen=True)
class Limits:
    """How many jobs run side by side, and what each of them may take."""

    n_jobs: int = 1
    gpus: list[int] | None = None
    """The GPUs that jobs share out among themselves, one for each at a time; None leaves the choice to the jobs."""
    timeout: float | None = None
    """Seconds for the experiment, which starts once the device computes."""
    start_timeout: float | None = None
    """Seconds for TensorFlow and the device to start: drivers and networks may hang."""
    memory_gb: float | None = None
    fail_fast: bool = False
    """Start no further job once one has failed."""

    def __post_init__(self) -> None:
        require_at_least(self, "n_jobs", 1)
        self._require_gpus()
        require_at_least(self, "timeout", 0)
        require_at_least(self, "start_timeout", 0)
        require_at_least(self, "memory_gb", 0)

    def _require_gpus(self) -> None:
        if self.gpus is None:
            return
        if not self.gpus or min(self.gpus) < 0 or len(set(self.gpus)) < len(self.gpus):
            raise InvalidField(self, "gpus", f"{self.gpus} are no GPUs; give their numbers, each once, such as [0,1]")
        if self.n_jobs > len(self.gpus):
            raise InvalidField(self, "n_jobs", f"{self.n_jobs} jobs at a time need a GPU each, but gpus={self.gpus}")

    @property
    def memory_bytes(self) -> int | None:
        return None if self.memory_gb is None else int(self.memory_gb * 1e9)

    def start_deadline(self, begun: float) -> Deadline:
        """The deadline of a worker that began to start at the moment ``begun``."""
        if self.start_timeout is None:
            return NEVER
        limit = f"hydra.launcher.start_timeout={self.start_timeout} seconds"
        return Deadline(begun + self.start_timeout, f"TensorFlow and the device did not start within {limit}")

    def deadline(self, begun: float) -> Deadline:
        """The deadline of an experiment that began at the moment ``begun``."""
        if self.timeout is None:
            return NEVER
        limit = f"hydra.launcher.timeout={self.timeout} seconds"
        return Deadline(begun + self.timeout, f"it took longer than {limit}; what was measured is kept")
