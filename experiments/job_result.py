"""The result of one job of a sweep, as an experiment's ``compare`` receives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TableReader = Callable[[str], Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class JobResult:
    """One job of a sweep, whether it succeeded or not."""

    name: str
    """The values that tell it from the others, short enough for a legend: ``square float64 CPU:0``."""
    status: str
    """FINISHED, FAILED or KILLED."""
    swept: Mapping[str, str]
    """The keys that differ between the jobs, with this job's values: ``{"device": "cpu"}``."""
    config: Mapping[str, object]
    """Every value of the config under its full key, such as ``experiment.shape``."""
    device: str
    """The device that it computed on, such as ``CPU:0`` or ``GPU:1``; empty where it never computed."""
    metrics: Mapping[str, float]
    """Its metrics by name; of a metric with steps, the value of the last step."""
    table: TableReader
    """Reads a table: ``table("results")`` returns the rows of results.csv, cells as text; none without such a table."""

    def varies(self, but: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """The swept values except those of the keys ``but``: jobs that agree in them differ in those keys alone."""
        return tuple((key, value) for key, value in sorted(self.swept.items()) if key not in but)
