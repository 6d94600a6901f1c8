"""The time of a call: samples, and the statistics that follow from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from experiments.measure.between import geometric_mean, interval_between, spread

STOPPED = ("textbook", "target", "time limit", "interrupted")
"""Why sampling can end; of several processes the last of these counts."""


@dataclass(frozen=True)
class Sample:
    """One timed block: ``calls`` calls took ``seconds`` together, in round ``round`` of the process ``process``."""

    round: int
    calls: int
    seconds: float
    process: int = 0
    cycle: int | None = None
    """Where processes measure beside each other, the cycle in which each of them makes a block; None for one alone."""

    @property
    def per_call(self) -> float:
        return self.seconds / self.calls


@dataclass(frozen=True)
class Measurement:
    """The time of one call in seconds, with the samples that it was computed from, of one process or several."""

    samples: tuple[Sample, ...]
    first_call: float
    """Seconds of the very first call, which builds kernels, traces and compiles. Part of no statistic."""
    latency: float
    """Seconds of one call and the wait for its result, the median of a few; NaN where it was not measured."""
    stopped: str
    """Why sampling ended, one of :data:`STOPPED`."""

    @cached_property
    def per_call(self) -> npt.NDArray[np.float64]:
        """Seconds per call of each sample, ascending."""
        return np.sort([sample.per_call for sample in self.samples])

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """The median of the samples of each process, in seconds per call."""
        by_process: dict[int, list[float]] = {}
        for sample in self.samples:
            by_process.setdefault(sample.process, []).append(sample.per_call)
        return tuple(statistics.median(by_process[process]) for process in sorted(by_process))

    @property
    def median(self) -> float:
        """The median of the samples; of several processes the geometric mean of their medians."""
        return geometric_mean(self.levels) if len(self.levels) > 1 else float(np.median(self.per_call))

    @property
    def spread(self) -> float:
        """The standard deviation of the processes' medians, relative; NaN for one process."""
        return spread(self.levels)

    @property
    def statistic(self) -> str:
        """The name of what :attr:`median` holds: the median, but ``mean of 10`` for a single sample of ten calls."""
        only = self.samples[0].calls if len(self.samples) == 1 else 1
        return f"mean of {only:,}" if only > 1 else "median"

    @property
    def mean(self) -> float:
        return float(np.mean(self.per_call))

    @property
    def minimum(self) -> float:
        return float(self.per_call[0])

    @property
    def quartiles(self) -> tuple[float, float]:
        first, third = np.percentile(self.per_call, [25, 75])
        return float(first), float(third)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of :attr:`median` in seconds.

        Of several processes it follows from the spread between them. Of one it holds within that process alone, and is
        NaN for fewer than six samples.
        """
        return interval_between(self.levels) if len(self.levels) > 1 else median_interval(self.per_call)

    @property
    def has_interval(self) -> bool:
        """Whether there are enough processes or samples for an interval."""
        return math.isfinite(self.interval[0])

    @property
    def relative_half_width(self) -> float:
        low, high = self.interval
        return (high - low) / 2 / self.median

    @property
    def outliers(self) -> tuple[int, int]:
        """The numbers of samples beyond Tukey's inner fences (1.5 interquartile ranges) and beyond the outer ones (3).

        They are counted, never dropped (J. W. Tukey, Exploratory Data Analysis, 1977).
        """
        first, third = self.quartiles
        distance = np.maximum(first - self.per_call, self.per_call - third)
        spread = third - first
        return int(np.sum(distance > 1.5 * spread)), int(np.sum(distance > 3 * spread))


def joined(parts: Sequence[Measurement]) -> Measurement:
    """Join what fresh processes measured of the same call, in their order."""
    return Measurement(
        tuple(replace(sample, process=number) for number, part in enumerate(parts) for sample in part.samples),
        statistics.median(part.first_call for part in parts),
        statistics.median(part.latency for part in parts),
        max((part.stopped for part in parts), key=STOPPED.index),
    )


def median_interval(ascending: npt.NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Return the distribution-free confidence interval of the median of ``ascending`` values.

    The number of values below the true median is binomial with p = 1/2. The order statistics that cut off at most
    (1 - confidence) / 2 of that distribution on each side bracket the median (H. A. David, Order Statistics, 1981,
    section 2.5). Both ends are NaN for fewer than six values, where no such pair exists at 95 %.

    scipy.stats.quantile_test does the same, and a test compares the two; importing it here would cost each run most
    of a second.
    """
    count = len(ascending)
    cut = count // 2 + 1  # the rank of the lower end, counted from one; zero where there is none
    # The probabilities that cut - 1 values are below the median and that at most so many are, from the middle outwards:
    # those at the ends are too small for a float from 1,075 values on.
    exactly = math.exp(math.lgamma(count + 1) - math.lgamma(cut) - math.lgamma(count - cut + 2) - count * math.log(2))
    at_most = 0.5 if count % 2 else (1 + exactly) / 2
    while at_most > (1 - confidence) / 2:
        cut -= 1
        at_most -= exactly
        exactly *= cut / (count - cut + 1)
    if cut == 0:
        return math.nan, math.nan
    return float(ascending[cut - 1]), float(ascending[count - cut])
