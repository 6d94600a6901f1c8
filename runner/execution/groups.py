"""Which jobs take turns with their processes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.measure.timing import processes_of
from runner.execution.job import Job

GROUP = 16
"""So many jobs take turns at most: the machine drifts within a turn of more, or within a cycle of their blocks."""


@dataclass(frozen=True)
class Group:
    """Jobs that take turns."""

    name: str
    """Names the turns of these jobs, in this command and among all others."""
    alternates: bool = False
    """Whether the processes of a turn measure block by block beside each other."""


def in_groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """Group the jobs of the same seed: they are compared with each other, so they should take turns.

    Jobs that differ in their seeds alone are replicates; several seeds share a group that has room for them. Where any
    job has a single process the order stays: it takes no turns, and may need the models of those before it.
    """
    by_seed: dict[object, list[Job]] = {}
    stays = any(processes_of(job.parts.experiment) < 2 for job in jobs)
    for job in jobs:
        by_seed.setdefault(None if stays else getattr(job.parts.experiment, "seed", None), []).append(job)
    groups: list[list[Job]] = []
    for same in by_seed.values():
        for part in _even_parts(same):
            if groups and len(groups[-1]) + len(part) <= GROUP:
                groups[-1] += part
            else:
                groups.append(part)
    return groups


def _even_parts(jobs: Sequence[Job]) -> list[list[Job]]:
    count = math.ceil(len(jobs) / GROUP)
    ends = [round(number * len(jobs) / count) for number in range(count + 1)]
    return [list(jobs[begin:end]) for begin, end in itertools.pairwise(ends)]
