"""The ratio of two times that are measured in turns."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.measure.between import geometric_mean, interval_between, t_95
from experiments.measure.measurement import Measurement, median_interval
from experiments.measure.verdict import TimeRatio


@dataclass(frozen=True)
class Ratio:
    """A ratio of times with its 95 % interval, which is NaN for fewer than two processes and six rounds."""

    value: float
    low: float = math.nan
    high: float = math.nan
    processes: int = 1
    """The number of processes; the interval of one holds within that process alone."""

    def over(self, bound: float) -> TimeRatio | None:
        """Return this ratio over a ``bound``, to be judged whether it is above; None for one process or a NaN."""
        if self.processes < 2 or not math.isfinite(self.high):
            return None
        error = math.log(self.high / self.value) / t_95(self.processes - 1)
        return TimeRatio(self.value / bound, error * math.sqrt(self.processes), self.processes)


def pooled(ratios: Sequence[Ratio]) -> Ratio:
    """Return the ratio of all processes together, given those of replicates, each of some of the processes.

    Value and interval are those that :func:`ratio_of` would find: the number, mean and deviation of each replicate say
    all that it needs to know.
    """
    known = [ratio for ratio in ratios if math.isfinite(ratio.value)]
    if len(known) < 2:
        return known[0] if known else Ratio(math.nan)
    total = sum(ratio.processes for ratio in known)
    mean = sum(ratio.processes * math.log(ratio.value) for ratio in known) / total
    squares = sum(ratio.processes * (math.log(ratio.value) - mean) ** 2 for ratio in known)
    squares += sum((alone.pairs - 1) * alone.deviation**2 for ratio in known if (alone := ratio.over(1.0)))
    found = TimeRatio(math.exp(mean), math.sqrt(squares / (total - 1)), total)
    return Ratio(found.value, *found.interval, total)


def ratio_of(above: Measurement, below: Measurement) -> Ratio:
    """Return ``above`` over ``below``: within a process the median over rounds of the ratio of the two medians.

    Both are visited right after one another in each round, so whatever slows the machine down for longer than a
    visit cancels. What does not cancel differs from round to round and widens the interval. Of several processes the
    value is the geometric mean of theirs, and the interval follows from the spread between them. Of one process the
    interval is that of the median of the rounds' ratios, by order statistics: rounds are independent, samples of one
    round are not. For six rounds it reaches from the lowest ratio to the highest.
    """
    above_by_round, below_by_round = _medians(above), _medians(below)
    by_process = defaultdict[int, list[float]](list)
    for turn in sorted(above_by_round.keys() & below_by_round.keys()):
        by_process[turn[0]].append(above_by_round[turn] / below_by_round[turn])
    levels = [statistics.median(ratios) for ratios in by_process.values()]
    if len(levels) > 1:
        return Ratio(geometric_mean(levels), *interval_between(levels), len(levels))
    (ratios,) = by_process.values()
    return Ratio(levels[0], *median_interval(np.sort(ratios)))


def _medians(measurement: Measurement) -> dict[tuple[int, int], float]:
    """Return the median of the samples of each process and round, in seconds per call."""
    by_round = defaultdict[tuple[int, int], list[float]](list)
    for sample in measurement.samples:
        by_round[sample.process, sample.round].append(sample.per_call)
    return {turn: statistics.median(times) for turn, times in by_round.items()}
