"""The ratio of two times that are measured in turns."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from experiments.measure.measurement import Measurement, median_interval


@dataclass(frozen=True)
class Ratio:
    """A ratio of times with its 95 % interval, which is NaN for fewer than six rounds."""

    value: float
    low: float = math.nan
    high: float = math.nan


def ratio_of(above: Measurement, below: Measurement) -> Ratio:
    """Return ``above`` over ``below``: the median over rounds of the ratio of the two medians within a round.

    Both are visited right after one another in each round, so whatever slows the machine down for longer than a
    visit cancels. What does not cancel differs from round to round and widens the interval. That is the interval of
    the median of the rounds' ratios, by order statistics: rounds are independent, samples of one round are not.
    For six rounds it reaches from the lowest ratio to the highest.
    """
    above_by_round, below_by_round = _medians(above), _medians(below)
    common = above_by_round.keys() & below_by_round.keys()
    ratios = np.sort([above_by_round[turn] / below_by_round[turn] for turn in common])
    return Ratio(float(np.median(ratios)), *median_interval(ratios))


def _medians(measurement: Measurement) -> dict[int, float]:
    """Return the median of the samples of each round, in seconds per call."""
    by_round = defaultdict[int, list[float]](list)
    for sample in measurement.samples:
        by_round[sample.round].append(sample.per_call)
    return {turn: statistics.median(times) for turn, times in by_round.items()}
