"""The time of a product against its size, as a job of a sweep recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from experiments.job_result import JobResult
from experiments.measure.measurement import median_interval

Floats = npt.NDArray[np.float64]
Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TimeCurve:
    """The times that one job measured."""

    job: JobResult
    n: Sizes
    """The sizes, ascending."""
    seconds: Floats
    """The median time of a call at each size, in seconds."""
    samples: tuple[Floats, ...]
    """For each size, the seconds a call of every sample, ascending."""

    @property
    def label(self) -> str:
        return self.job.name

    @property
    def device(self) -> str:
        return self.job.device

    @cached_property
    def intervals(self) -> Floats:
        """The 95 % interval of each median, one row a size; NaN where there are fewer than six samples."""
        return np.array([median_interval(samples) for samples in self.samples]).reshape(-1, 2)

    @property
    def has_intervals(self) -> bool:
        """Whether every median has an interval; fewer than six samples say nothing about noise."""
        return bool(np.isfinite(self.intervals).all())

    def at(self, sizes: Sizes) -> TimeCurve:
        """The part of the curve at ``sizes``, which the curve must have."""
        if np.array_equal(sizes, self.n):
            return self  # and keep the intervals that it has worked out
        index = np.searchsorted(self.n, sizes)
        return TimeCurve(self.job, self.n[index], self.seconds[index], tuple(self.samples[i] for i in index))

    def resampled(self, count: int, generator: np.random.Generator) -> Floats:
        """``count`` bootstrap curves: an array with one curve a row, the median of a resample at each size."""
        return np.stack([bootstrap_medians(samples, count, generator) for samples in self.samples], axis=1)


def curve_of(job: JobResult) -> TimeCurve | None:
    """Read the curve from a job's tables; None where the job measured nothing."""
    medians = {
        int(row["n"]): float(row["median_us"]) * 1e-6 for row in job.table("results") if row["status"] == "measured"
    }
    if not medians:
        return None
    per_call: dict[int, list[float]] = {size: [] for size in sorted(medians)}
    for row in job.table("samples"):
        if int(row["n"]) in per_call:
            per_call[int(row["n"])].append(float(row["seconds"]) / float(row["calls"]))
    sizes = list(per_call)
    return TimeCurve(
        job,
        np.array(sizes, dtype=np.int64),
        np.array([medians[size] for size in sizes]),
        tuple(np.sort(per_call[size] or [medians[size]]) for size in sizes),
    )


def common_sizes(curves: Sequence[TimeCurve]) -> Sizes:
    """The sizes that all ``curves`` have, ascending."""
    common = set.intersection(*(set(curve.n.tolist()) for curve in curves))
    return np.array(sorted(common), dtype=np.int64)


def bootstrap_medians(ascending: Floats, count: int, generator: np.random.Generator) -> Floats:
    """The medians of ``count`` bootstrap resamples of ``ascending`` values.

    A resample draws m of m values, and its i-th smallest is the value at the i-th smallest of m uniform
    numbers, which has a Beta(i, m + 1 - i) distribution (H. A. David, Order Statistics, 1981, section 2.1):
    one or two draws give the median of a resample, not m. scipy.stats.bootstrap draws all m, and takes a hundred
    times as long: half a minute for the pairs of twenty curves.
    """
    m = len(ascending)
    middle = (m + 1) // 2
    lower = generator.beta(middle, m + 1 - middle, count)
    # of an even number the two in the middle count: the upper is the least of the m - middle above the lower
    upper = lower if m % 2 else lower + (1 - lower) * generator.beta(1, middle, count)
    index = np.minimum((np.stack([lower, upper]) * m).astype(np.intp), m - 1)
    medians: Floats = ascending[index].mean(axis=0)
    return medians
