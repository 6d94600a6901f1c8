"""The result of one job of a sweep, as an experiment's ``compare`` receives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SEEDS = ("seed", "experiment.seed")
"""The keys whose values make replicates: jobs that differ in nothing else ask the same question again."""

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
    turns: Sequence[str] = ()
    """The turn of each of its processes; none for a job that times nothing.

    Processes of two jobs that have the same turn ran right after one another, or block by block beside each other, so
    that a drift of the machine affects both alike.
    """

    def varies(self, but: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """The swept values except those of the keys ``but``: jobs that agree in them differ in those keys alone."""
        return tuple((key, value) for key, value in sorted(self.swept.items()) if key not in but)

    def turn_of(self, process: int) -> str:
        """Return the turn of a process, counted from 0; one that is not known is shared with no other job."""
        return self.turns[process] if process < len(self.turns) else f"{id(self)}.{process}"

    @property
    def seeds(self) -> tuple[tuple[str, str], ...]:
        """The swept values of :data:`SEEDS`."""
        return tuple((key, value) for key, value in sorted(self.swept.items()) if key in SEEDS)


def replicates(jobs: Sequence[JobResult]) -> list[list[JobResult]]:
    """Group the jobs that differ in their seeds alone, in the order of each group's first job.

    A job that a sweep was resumed with on another kind of device is none of the group. Which of several GPUs a job got
    from its launcher does not matter.
    """
    found: dict[tuple[object, ...], list[JobResult]] = {}
    for job in jobs:
        kind = job.device.partition(":")[0]
        found.setdefault((kind, *job.varies(but=SEEDS)), []).append(job)
    return list(found.values())


def name_of(group: Sequence[JobResult]) -> str:
    """Name jobs that differ in their seeds alone by what they have in common; a single job keeps its name."""
    first = group[0]
    if len(group) == 1:
        return first.name
    words = [set(job.name.split(" ")) for job in group]
    return " ".join(word for word in first.name.split(" ") if all(word in others for others in words)) or "all jobs"
