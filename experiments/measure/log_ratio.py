"""The ratio of two calls' times, whether they took turns or not: then the machine may have drifted between them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from experiments.measure.between import geometric_mean, spread, t_95, t_interval
from experiments.measure.verdict import MARGIN, TimeRatio, Verdict, decided, holm, time_ratio, upper_tail, what_decides

Turn = TypeVar("Turn")

FEWEST_RUNS = 3
"""A drift is known from this many runs on."""

NO_TURNS = "the two did not take turns"
"""Why a comparison is UNSURE, whatever the number of processes, as a clause."""

UNKNOWN_DRIFT = 0.10
"""How far a machine is taken to drift between two runs where nothing is known of it; docs/compare.md says why."""

MOST_BUSY = 0.99


@dataclass(frozen=True)
class Drift:
    """How far apart whole runs of one question lie on one machine."""

    deviation: float
    """The standard deviation of the logarithms of their times: 0.03 is 3 %."""
    freedom: int
    """Its degrees of freedom: the number of runs less the number of questions."""


def drift_between(histories: Sequence[Sequence[float]]) -> Drift | None:
    """Return the drift between runs, given the times of each question's runs; None if there are too few.

    The deviations from each question's own mean are pooled.
    """
    known = [[math.log(time) for time in times] for times in histories if len(times) > 1]
    freedom = sum(len(logs) - 1 for logs in known)
    if freedom < FEWEST_RUNS - 1:
        return None
    squares = sum((log - statistics.fmean(logs)) ** 2 for logs in known for log in logs)
    return Drift(math.sqrt(squares / freedom), freedom)


@dataclass(frozen=True)
class LogTime:
    """The logarithm of a call's time in two or more independent processes."""

    mean: float
    deviation: float
    """The standard deviation between the processes."""
    processes: int

    @classmethod
    def of(cls, levels: Sequence[float]) -> LogTime:
        return cls(math.log(geometric_mean(levels)), spread(levels), len(levels))

    @classmethod
    def from_interval(cls, low: float, high: float, processes: int) -> LogTime:
        """Read it off the time's 95 % interval, as :func:`~experiments.measure.between.interval_between` finds it."""
        error = math.log(high / low) / 2 / t_95(processes - 1)
        return cls(math.log(low * high) / 2, error * math.sqrt(processes), processes)


@dataclass(frozen=True)
class LogRatio:
    """The logarithm of the ratio of two times, as measured."""

    mean: float
    error: float
    """The standard error of :attr:`mean`."""
    freedom: float
    """The degrees of freedom of :attr:`error`."""
    unseen: float = 0.0
    """A difference that :attr:`error` knows nothing of and that may be this large: 0.1 is 10 %, in either direction."""
    pairs: TimeRatio | None = None
    """The same ratio as that of pairs of processes; None where they did not take turns."""

    @property
    def ratio(self) -> float:
        return math.exp(self.mean)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the ratio alone, by Student's t; it holds nothing of what is unseen."""
        low, high = t_interval(self.mean, self.error, self.freedom)
        return math.exp(low), math.exp(high)

    def what_decides(self, comparisons: int) -> str:
        """Return how this ratio can be decided if it is UNSURE, as a clause; it is one of so many looked at at once."""
        return what_decides(self.pairs.processes_among(comparisons)) if self.pairs else NO_TURNS

    def p_no_difference(self) -> float:
        """Return the largest probability of a mean so far from 0 if there were no difference but what is unseen."""
        distance, unseen = abs(self.mean), math.log1p(self.unseen)
        return self._tail(distance - unseen) + self._tail(distance + unseen)

    def p_difference(self, margin: float) -> float:
        """Return the largest probability of a mean so near to 0 if the times differed by ``margin``."""
        return self._tail(math.log1p(margin) - math.log1p(self.unseen) - abs(self.mean))

    def p_at_most(self, margin: float) -> float:
        """Return the largest probability of so large a mean if the ratio were at most 1 + ``margin``."""
        return self._tail(self.mean - math.log1p(margin) - math.log1p(self.unseen))

    def _tail(self, distance: float) -> float:
        return upper_tail(distance, self.error, self.freedom)


def took_turns(first: Collection[object], second: Collection[object]) -> bool:
    """Whether processes with these turns can be compared in pairs: at least half of the turns are shared, two or more.

    What has no partner is then left out: a few pairs less cost little.
    """
    common = {*first} & {*second}
    return len(common) >= 2 and 2 * len(common) >= min(len(first), len(second))


def of_processes(
    first: Mapping[Turn, float], second: Mapping[Turn, float], drift: Drift | None = None, busy: float = 0.0
) -> LogRatio:
    """Return ``first`` over ``second``: the times of two or more processes of each, by their turns.

    They make pairs where they :func:`took_turns`. Otherwise the machine may have drifted, or be another one.
    """
    if took_turns(first, second):
        common = [turn for turn in first if turn in second]
        return of_pairs([first[turn] for turn in common], [second[turn] for turn in common])
    return of_strangers(list(first.values()), list(second.values()), drift, busy)


def of_pairs(first: Sequence[float], second: Sequence[float]) -> LogRatio:
    """Return ``first`` over ``second``: the times of processes that took turns, two or more of each, in their order."""
    return of_ratio(time_ratio(first, second))


def of_ratio(ratio: TimeRatio) -> LogRatio:
    """Return the ratio of pairs of processes as one that can stand beside others."""
    found = ratio.logarithm
    return LogRatio(found.mean, found.error, found.pairs - 1, pairs=ratio)


def of_strangers(first: Sequence[float], second: Sequence[float], drift: Drift | None, busy: float = 0.0) -> LogRatio:
    """Return ``first`` over ``second``: the times of processes that did not take turns, two or more of each."""
    return of_log_times(LogTime.of(first), LogTime.of(second), drift, busy)


def of_log_times(first: LogTime, second: LogTime, drift: Drift | None, busy: float = 0.0) -> LogRatio:
    """Return ``first`` over ``second``, which did not take turns.

    The variance is Welch's, of the means of the logarithms, and twice the drift's: each of the two has its own. The
    degrees of freedom are Welch's, or the drift's if those are fewer: Satterthwaite's for the sum of all three are too
    many where a drift is known from three or four runs (6 % of wrong verdicts). A drift that is not known is unseen,
    and so is what other programs did, which took the share ``busy`` of the machine: a time may be 1 / (1 - busy) times
    as long.
    """
    mean = first.mean - second.mean
    parts = [(one.deviation**2 / one.processes, one.processes - 1) for one in (first, second)]
    variance = sum(part for part, _ in parts)
    squares = sum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / squares if squares else sum(freedom for _, freedom in parts)
    longer = 1 / (1 - min(busy, MOST_BUSY))
    if drift is None:
        return LogRatio(mean, math.sqrt(variance), freedom, (1 + UNKNOWN_DRIFT) * longer - 1)
    return LogRatio(mean, math.sqrt(variance + 2 * drift.deviation**2), min(freedom, drift.freedom), longer - 1)


def decide(ratios: Sequence[LogRatio]) -> list[Verdict]:
    """Return the verdict on each of several ratios, with or without turns, that are looked at at once.

    A t test on the logarithms decides whether times differ, and two one-sided ones (D. J. Schuirmann, 1987) whether
    they are the same within :data:`~experiments.measure.verdict.MARGIN`. Both are corrected for the number of
    comparisons (S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979).
    """
    return decided(
        [ratio.mean for ratio in ratios],
        [ratio.p_no_difference() for ratio in ratios],
        [ratio.p_difference(MARGIN) for ratio in ratios],
    )


def verdicts(ratios: Sequence[TimeRatio]) -> list[Verdict]:
    """Return the verdict on each of several ratios of pairs of processes that are looked at at once."""
    return decide([of_ratio(ratio) for ratio in ratios])


def slower_by_more(ratios: Sequence[LogRatio], margin: float) -> list[bool]:
    """Return which of several ratios are certainly larger than 1 + ``margin``: one-sided tests, corrected by Holm."""
    return holm([ratio.p_at_most(margin) for ratio in ratios])
