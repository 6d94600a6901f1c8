"""The time of a product against its size, as a job of a sweep recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from experiments.job_result import JobResult
from experiments.measure.between import geometric_mean, interval_between
from experiments.measure.level import Level
from experiments.measure.measurement import median_interval
from experiments.series.comparing import ByTurn, by_turn
from experiments.series.levels import levels_of

Floats = npt.NDArray[np.float64]
Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TimeCurve:
    """The times that one job measured."""

    job: JobResult
    n: Sizes
    """The sizes, ascending."""
    seconds: Floats
    """The time of a call at each size, in seconds: the geometric mean of the processes' medians."""
    samples: tuple[Floats, ...]
    """For each size, the seconds a call of every sample, ascending."""
    times: tuple[ByTurn, ...]
    """For each size, the median of each process's samples by the process's turn, in the order of the turns."""

    @property
    def label(self) -> str:
        return self.job.name

    @property
    def device(self) -> str:
        return self.job.device

    @cached_property
    def levels(self) -> tuple[Floats, ...]:
        """For each size, the median of each process's samples."""
        return tuple(np.array(list(by_turn.values())) for by_turn in self.times)

    @cached_property
    def intervals(self) -> Floats:
        """The 95 % interval of each time, one row a size: from the spread between processes where there are several.

        One process has an interval that holds within it, and NaN for fewer than six samples.
        """
        found = [
            interval_between(levels.tolist()) if len(levels) > 1 else median_interval(samples)
            for samples, levels in zip(self.samples, self.levels, strict=True)
        ]
        return np.array(found).reshape(-1, 2)

    @property
    def has_intervals(self) -> bool:
        """Whether every time has an interval."""
        return bool(np.isfinite(self.intervals).all())

    @property
    def processes(self) -> int:
        """The number of processes that every time has."""
        return min(map(len, self.levels), default=0)

    def at(self, sizes: Sizes) -> TimeCurve:
        """The part of the curve at ``sizes``, which the curve must have."""
        if np.array_equal(sizes, self.n):
            return self  # and keep the intervals that it has worked out
        index = np.searchsorted(self.n, sizes)
        samples, times = tuple(self.samples[i] for i in index), tuple(self.times[i] for i in index)
        return TimeCurve(self.job, self.n[index], self.seconds[index], samples, times)


def curve_of(job: JobResult) -> TimeCurve | None:
    """Read the curve from a job's tables; None where the job measured nothing."""
    medians = {
        int(row["n"]): float(row["median_us"]) * 1e-6 for row in job.table("results") if row["status"] == "measured"
    }
    if not medians:
        return None
    levels = {int(n): by_process for (n,), by_process in levels_of(job.table("samples")).seconds.items()}
    by_size = {n: levels.get(n, {0: Level([medians[n]])}) for n in sorted(medians)}
    return TimeCurve(
        job,
        np.array(list(by_size), dtype=np.int64),
        np.array([geometric_mean(list(of_size.values())) for of_size in by_size.values()]),
        tuple(np.sort([time for level in of_size.values() for time in level.samples]) for of_size in by_size.values()),
        tuple(by_turn(job, of_size) for of_size in by_size.values()),
    )


def common_sizes(curves: Sequence[TimeCurve]) -> Sizes:
    """The sizes that all ``curves`` have, ascending."""
    common = set.intersection(*(set(curve.n.tolist()) for curve in curves))
    return np.array(sorted(common), dtype=np.int64)
