"""Which of two calls is faster, with a known rate of errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from experiments.measure.between import geometric_mean, spread, t_95

ERROR = 0.05
"""The rate of errors among verdicts: the probability that any of those made at once is wrong."""

MARGIN = 0.02
"""Times that differ by less count as the same."""

MOST_PROCESSES = 1000


class Verdict(Enum):
    """What the times of two calls allow to say of the first."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    """The times differ by less than :data:`MARGIN`."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class TimeRatio:
    """The time of one call over that of another, from pairs of processes that took turns."""

    value: float
    """The geometric mean of the pairs' ratios."""
    deviation: float
    """The standard deviation of the logarithms of the pairs' ratios."""
    pairs: int

    @property
    def error(self) -> float:
        """The standard error of the logarithm of :attr:`value`."""
        return self.deviation / math.sqrt(self.pairs)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of this ratio alone, by Student's t."""
        factor = math.exp(t_95(self.pairs - 1) * self.error)
        return self.value / factor, self.value * factor

    @property
    def processes_needed(self) -> int:
        """About how many processes would decide between FASTER, SLOWER and SAME; :data:`MOST_PROCESSES` at most."""
        distance = max(abs(math.log(self.value)), math.log1p(MARGIN) - abs(math.log(self.value)))
        counts = range(2, MOST_PROCESSES)
        return next((n for n in counts if t_95(n - 1) * self.deviation / math.sqrt(n) < distance), MOST_PROCESSES)


def time_ratio(first: Sequence[float], second: Sequence[float]) -> TimeRatio:
    """Return the ratio of two calls' times, given the levels of their processes in the order of their turns.

    A drift of the machine that is slow beside a turn affects both levels of a pair alike, and cancels. Both need two
    levels or more; those that the other has no partner for are left out.
    """
    ratios = [one / other for one, other in zip(first, second, strict=False)]
    return TimeRatio(geometric_mean(ratios), spread(ratios), len(ratios))


def verdicts(ratios: Sequence[TimeRatio]) -> list[Verdict]:
    """Return the verdict on each of several comparisons that are made at once.

    A paired t test on the logarithms decides whether times differ, and two one-sided ones (D. J. Schuirmann, 1987)
    whether they are the same within :data:`MARGIN`. Both are corrected for the number of comparisons
    (S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979).
    """
    differ = _holm([_p_of_no_difference(ratio) for ratio in ratios])
    same = _holm([_p_of_a_difference(ratio) for ratio in ratios])
    return [
        (Verdict.FASTER if ratio.value < 1 else Verdict.SLOWER)
        if is_different
        else (Verdict.SAME if is_same else Verdict.UNSURE)
        for ratio, is_different, is_same in zip(ratios, differ, same, strict=True)
    ]


def _p_of_no_difference(ratio: TimeRatio) -> float:
    """Return the probability of so large a ratio, or larger, if the times were the same."""
    return 2 * _upper_tail(abs(math.log(ratio.value)), ratio)


def _p_of_a_difference(ratio: TimeRatio) -> float:
    """Return the probability of so small a ratio, or smaller, if the times differed by :data:`MARGIN`."""
    return _upper_tail(math.log1p(MARGIN) - abs(math.log(ratio.value)), ratio)


def _upper_tail(distance: float, ratio: TimeRatio) -> float:
    """Return the probability that a mean of such pairs is larger than the true one by ``distance`` or more."""
    from scipy.special import stdtr  # late: only the end of a sweep needs it

    if ratio.error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(ratio.pairs - 1, -distance / ratio.error))


def _holm(p_values: Sequence[float]) -> list[bool]:
    """Return which null hypotheses are rejected, with :data:`ERROR` as the chance of any wrong rejection."""
    rejected = [False] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        if p_values[index] > ERROR / (len(p_values) - place):
            break
        rejected[index] = True
    return rejected
