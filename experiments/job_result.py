"""The jobs of a sweep, as an experiment sees them when all are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TableReader = Callable[[str], Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class JobResult:
    """One job of a sweep."""

    name: str
    """What tells it from the others, short enough for a legend: ``square float64 CPU:0``."""
    status: str
    """FINISHED, FAILED or KILLED."""
    swept: Mapping[str, str]
    """The keys that differ between the jobs, with this job's values: ``{"device": "cpu"}``."""
    config: Mapping[str, object]
    """Every value of the config under its full key, such as ``experiment.shape``."""
    device: str
    """Where it computed: ``CPU:0``, ``GPU:1``; empty where it never did."""
    metrics: Mapping[str, float]
    """Its metrics; of a metric with steps the value of the last step."""
    table: TableReader
    """``table("results")``: the rows of results.csv, cells as text; no rows where there is no such table."""

    def varies(self, but: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """The swept values other than those of the keys ``but``: members that agree here differ in these alone."""
        return tuple((key, value) for key, value in sorted(self.swept.items()) if key not in but)
