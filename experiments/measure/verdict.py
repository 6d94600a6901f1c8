"""Which of two calls is faster, with a known rate of errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from experiments.measure.between import geometric_mean, spread, t_interval
from experiments.measure.level import quotient

ERROR = 0.05
"""The rate of errors among verdicts: the probability that any of those made at once is wrong."""

MARGIN = 0.02
"""Times that differ by less count as the same."""

MOST_PROCESSES = 100
"""Nobody is told to take more processes than this."""

ROUNDING = 1e-9
"""Differences whose deviation is this small a share of their mean are equal."""


class Verdict(Enum):
    """What the times of two calls allow to say of the first."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    """The times differ by less than :data:`MARGIN`."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class Difference:
    """What two things differ by, from pairs that have all else in common, such as the seed."""

    mean: float
    """The mean of the pairs' differences."""
    deviation: float
    """The standard deviation of the pairs' differences."""
    pairs: int

    @property
    def error(self) -> float:
        """The standard error of :attr:`mean`."""
        return self.deviation / math.sqrt(self.pairs)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of this difference alone, by Student's t."""
        return t_interval(self.mean, self.error, self.pairs - 1)


@dataclass(frozen=True)
class TimeRatio:
    """The time of one call over that of another, from pairs of processes that took turns."""

    value: float
    """The geometric mean of the pairs' ratios."""
    deviation: float
    """The standard deviation of the logarithms of the pairs' ratios."""
    pairs: int

    @property
    def logarithm(self) -> Difference:
        """The difference of the times' logarithms."""
        return Difference(math.log(self.value), self.deviation, self.pairs)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of this ratio alone, by Student's t."""
        low, high = self.logarithm.interval
        return math.exp(low), math.exp(high)

    def processes_among(self, comparisons: int, jobs: int = 1) -> int:
        """About how many processes would decide between FASTER, SLOWER and SAME; one above MOST_PROCESSES for more.

        Of ``comparisons`` made at once, this one is taken for the first that Holm's correction meets. Each of so many
        ``jobs`` that are replicates has that number of processes, and all of them make pairs.
        """
        from scipy.special import stdtrit  # late: only the end of a sweep needs it

        distance = max(abs(math.log(self.value)), math.log1p(MARGIN) - abs(math.log(self.value)))
        needed = (
            n
            for n in range(max(2, math.ceil(self.pairs / jobs) + 1), MOST_PROCESSES + 1)
            if stdtrit(n * jobs - 1, 1 - ERROR / comparisons / 2) * self.deviation / math.sqrt(n * jobs) < distance
        )
        return next(needed, MOST_PROCESSES + 1)


def what_decides(processes: int, key: str = "experiment.timing.processes") -> str:
    """Return how a comparison that is UNSURE can be decided, as a clause.

    ``processes`` is about how many it takes, ``key`` what sets their number.
    """
    if processes > MOST_PROCESSES:
        return f"{MOST_PROCESSES} processes would hardly decide it"
    return f"{key}={processes} may decide it"


def time_ratio(first: Sequence[float], second: Sequence[float]) -> TimeRatio:
    """Return the ratio of two calls' times, given the levels of their processes in the order of their turns.

    A drift of the machine that is slow beside a turn affects both levels of a pair alike, and cancels. Both need two
    levels or more; those that the other has no partner for are left out.
    """
    ratios = [quotient(one, other) for one, other in zip(first, second, strict=False)]
    return TimeRatio(geometric_mean(ratios), spread(ratios), len(ratios))


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Return what ``first`` is larger by than its partners in ``second``; both need two values or more."""
    found = [one - other for one, other in zip(first, second, strict=True)]
    return Difference(statistics.fmean(found), statistics.stdev(found), len(found))


def tell_apart(differences: Sequence[Difference], among: int = 0) -> list[bool]:
    """Return which of several differences, tested at once, are certain.

    Paired t tests, corrected by Holm's method for so many comparisons as there are differences, or for ``among``: more
    were looked at where, say, the best was chosen first. Equal differences have no spread that t could judge, as is
    common among the accuracies of a few examples. They count by their signs alone: six at least.
    """
    return holm([_p_by_t_or_signs(one) for one in differences], among)


def decided(means: Sequence[float], differ: Sequence[float], same: Sequence[float]) -> list[Verdict]:
    """Return the verdicts on ratios with these means of their logarithms, corrected for their number.

    ``differ`` are the p-values where the times were the same, ``same`` those where they differed by the margin.
    """
    return [
        (Verdict.FASTER if mean < 0 else Verdict.SLOWER)
        if is_different
        else (Verdict.SAME if is_same else Verdict.UNSURE)
        for mean, is_different, is_same in zip(means, holm(differ), holm(same), strict=True)
    ]


def _p_by_t_or_signs(one: Difference) -> float:
    if one.deviation <= ROUNDING * abs(one.mean):
        return 2 * 0.5**one.pairs if one.mean else 1.0
    return _p_of_no_difference(one)


def _p_of_no_difference(one: Difference) -> float:
    """Return the probability of so large a difference, or larger, if there were none."""
    return 2 * upper_tail(abs(one.mean), one.error, one.pairs - 1)


def upper_tail(distance: float, error: float, freedom: float) -> float:
    """Return the probability by Student's t that a mean with this error is too large by ``distance`` or more."""
    from scipy.special import stdtr  # late: only the end of a sweep needs it

    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(freedom, -distance / error))


def holm(p_values: Sequence[float], among: int = 0) -> list[bool]:
    """Return which null hypotheses are rejected, with :data:`ERROR` as the chance of any wrong rejection.

    ``among`` counts those that are not listed, too.
    """
    count = max(among, len(p_values))
    rejected = [False] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        if p_values[index] > ERROR / (count - place):
            break
        rejected[index] = True
    return rejected
