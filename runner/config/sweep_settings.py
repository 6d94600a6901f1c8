"""The config of sweeps, beside what a launcher and a sweeper take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.validators import InvalidField, require_choice

DIRECTIONS = ("minimize", "maximize")


@dataclass
class SweepSettings:
    """Which jobs of a sweep run, and what makes one better than another."""

    resume: Any = False
    """True: the newest sweep of the same command goes on, if there is one; or the id of a sweep's run."""
    retry_failed: bool = True
    """Whether a sweep that goes on runs its FAILED jobs again."""
    retry_running: bool = False
    """Whether it and its jobs, where they say RUNNING on other machines, are taken for dead and run again."""
    metric: str | None = None
    """The metric that tells the best job, and that a search improves."""
    direction: str = "minimize"

    def __post_init__(self) -> None:
        require_choice(self, "direction", DIRECTIONS)
        if not isinstance(self.resume, bool | str):
            raise InvalidField(self, "resume", f"{self.resume!r} is not true, false or the id of a sweep's run")
