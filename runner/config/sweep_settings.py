"""The config of sweeps, without the settings of launchers and sweepers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from experiments.validators import InvalidField, require_at_least, require_choice

DIRECTIONS = ("minimize", "maximize")


@dataclass
class SweepSettings:
    """Selects the jobs of a resumed sweep that run again, what is measured further, and the metric that ranks jobs."""

    resume: Any = False
    """True resumes the newest sweep of the same command, if there is one; a text is the run id of a sweep."""
    retry_failed: bool = True
    """Run the FAILED jobs of a resumed sweep again."""
    retry_running: bool = False
    """Take a sweep and jobs that are RUNNING on other machines for dead, and run them again."""
    accept_other_code: bool = False
    """Take over jobs, checkpoints and choices of earlier runs that other code has made, or nobody knows which."""
    refine: bool = True
    """Measure further what the jobs leave open, such as the sizes between which the lead changes."""
    refine_seconds: float = 120.0
    """No further measurement begins that would probably end later than so many seconds after the jobs."""
    zip: list[str] = field(default_factory=list)
    """Keys whose values go together, the first with the first and so on, instead of each with each."""
    metric: str | None = None
    """The metric that ranks the jobs, and that a search improves."""
    direction: str = "minimize"

    def __post_init__(self) -> None:
        require_choice(self, "direction", DIRECTIONS)
        require_at_least(self, "refine_seconds", 0)
        if not isinstance(self.resume, bool | str):
            raise InvalidField(self, "resume", f"{self.resume!r} is not true, false or the id of a sweep's run")
