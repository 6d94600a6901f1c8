"""The ratio of two times that were measured in turns."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from experiments.measure.measurement import Measurement, median_interval


@dataclass(frozen=True)
class Ratio:
    """A ratio of times, with its 95 % interval; NaN where there are fewer than six rounds."""

    value: float
    low: float = math.nan
    high: float = math.nan


def ratio_of(above: Measurement, below: Measurement) -> Ratio:
    """``above`` over ``below``: the median over rounds of the ratio of the two medians within a round.

    Both are visited right after one another in each round, so what slows the machine down for longer than a
    visit cancels. What does not, differs from round to round and so widens the interval, which is that of
    the median of the rounds' ratios by order statistics: samples of one round are not independent, rounds
    are. Of six rounds it is all from the lowest to the highest.
    """
    above_by_round, below_by_round = _medians(above), _medians(below)
    common = above_by_round.keys() & below_by_round.keys()
    ratios = np.sort([above_by_round[turn] / below_by_round[turn] for turn in common])
    return Ratio(float(np.median(ratios)), *median_interval(ratios))


def _medians(measurement: Measurement) -> dict[int, float]:
    """The median of the samples of each round, seconds a call."""
    by_round = defaultdict[int, list[float]](list)
    for sample in measurement.samples:
        by_round[sample.round].append(sample.per_call)
    return {turn: statistics.median(times) for turn, times in by_round.items()}
