"""The spread between processes, which no interval from within one process can see."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from statistics import NormalDist

T_95 = (
    *(12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814),
    *(2.20099, 2.17881, 2.16037, 2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596),
    *(2.07961, 2.07387, 2.06866, 2.06390, 2.05954, 2.05553, 2.05183, 2.04841, 2.04523, 2.04227),
)
"""Student's t for a two-sided 95 % interval, by degrees of freedom from 1 on.

A test compares them with scipy.special.stdtrit, of which the import would cost every run some tenths of a second.
"""


def t_95(freedom: float) -> float:
    """Return Student's t for a two-sided 95 % interval with so many degrees of freedom, one or more."""
    if freedom != int(freedom):  # of an unpaired test, at the end of a sweep, which needs scipy anyway
        from scipy.special import stdtrit

        return float(stdtrit(freedom, 0.975))
    if freedom <= len(T_95):
        return T_95[int(freedom) - 1]
    z = NormalDist().inv_cdf(0.975)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2  # Cornish and Fisher; off by less than 0.001 from 31 on


def t_interval(mean: float, error: float, freedom: float) -> tuple[float, float]:
    """Return Student's 95 % interval of a mean that has the standard error ``error``."""
    half_width = t_95(freedom) * error
    return mean - half_width, mean + half_width


def geometric_mean(levels: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(statistics.fmean(map(math.log, levels)))


def spread(levels: Sequence[float]) -> float:
    """Return the standard deviation of the logarithms of ``levels``: 0.02 is 2 %. NaN for fewer than two levels."""
    return statistics.stdev(map(math.log, levels)) if len(levels) > 1 else math.nan


def interval_between(levels: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the geometric mean of what independent processes found; NaN for fewer than two.

    It is Student's t interval of the mean of the logarithms: a process is one observation, however many samples it took
    (T. Kalibera, R. Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013).
    """
    if len(levels) < 2:
        return math.nan, math.nan
    mean, error = math.log(geometric_mean(levels)), spread(levels) / math.sqrt(len(levels))
    low, high = t_interval(mean, error, len(levels) - 1)
    return math.exp(low), math.exp(high)
