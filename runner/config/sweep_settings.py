"""The config of sweeps, without the settings of launchers and sweepers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from experiments.validators import InvalidField, require_at_least

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Objective:
    """A metric that is to become less or more."""

    metric: str
    direction: str = "minimize"

    @property
    def sign(self) -> int:
        """1 where less is better, -1 where more is."""
        return -1 if self.direction == "maximize" else 1

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"


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
    metric: Any = None
    """The metric that ranks the jobs, and that a search improves; or a list of several, none of which decides alone."""
    direction: Any = "minimize"
    """Minimize or maximize; for several metrics a list with as many."""

    def __post_init__(self) -> None:
        self._require_objectives()
        require_at_least(self, "refine_seconds", 0)
        if not isinstance(self.resume, bool | str):
            raise InvalidField(self, "resume", f"{self.resume!r} is not true, false or the id of a sweep's run")

    @property
    def objectives(self) -> list[Objective]:
        """The metrics that rank the jobs, with their directions; none where nothing ranks them."""
        return [Objective(*pair) for pair in zip(_listed(self.metric), _listed(self.direction), strict=False)]

    def _require_objectives(self) -> None:
        metrics, directions = _listed(self.metric), _listed(self.direction)
        if not all(isinstance(metric, str) and metric for metric in metrics):
            raise InvalidField(self, "metric", f"{self.metric!r} is neither the name of a metric nor a list of names")
        if len(set(metrics)) < len(metrics) or self.metric == []:
            raise InvalidField(self, "metric", f"{self.metric!r}: name at least one metric, and each once")
        for direction in directions:
            if direction not in DIRECTIONS:
                raise InvalidField(self, "direction", f"{direction!r} is not one of {', '.join(DIRECTIONS)}")
        if len(directions) != (count := max(1, len(metrics))):
            example = ",".join(DIRECTIONS[number % 2] for number in range(count))
            raise InvalidField(
                self,
                "direction",
                f"{self.direction!r}: as many are needed as sweep.metric has names, such as [{example}]",
            )


def _listed(value: Any) -> list[Any]:
    """Return a value, or the values of a list; none for None."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
