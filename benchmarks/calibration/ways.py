"""Ways of deciding which of two jobs is faster: ours, and those of others, on the same kind of data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.calibration.jobs import Found
from experiments.measure.log_ratio import verdicts
from experiments.measure.verdict import MARGIN, Verdict, time_ratio

VALUES = 3
"""The values that pyperf takes of each process."""

Way = Callable[[Sequence[Found], Sequence[Found]], Verdict]
"""Decides from what the processes of two jobs found."""


def ours(first: Sequence[Found], second: Sequence[Found]) -> Verdict:
    """Pair the processes by their turns."""
    (verdict,) = verdicts([time_ratio([one.median for one in first], [one.median for one in second])])
    return verdict


def intervals_of_one_process(first: Sequence[Found], second: Sequence[Found]) -> Verdict:
    """Take a process each; the one whose 95 % interval lies below the other's is faster. This was our way before."""
    (low, high), (other_low, other_high) = first[0].interval, second[0].interval
    return _by(high < other_low, other_high < low)


def pyperf(first: Sequence[Found], second: Sequence[Found]) -> Verdict:
    """Compare the pooled values of all processes by Student's t test, as ``pyperf compare_to`` does."""
    from scipy.stats import ttest_ind

    values = [[value for process in job for value in process.values[:VALUES]] for job in (first, second)]
    found = ttest_ind(*values)
    return _by(found.pvalue < 0.05 and found.statistic < 0, found.pvalue < 0.05 and found.statistic > 0)


def timeit(first: Sequence[Found], second: Sequence[Found]) -> Verdict:
    """Compare the best of one process each, as readers of ``python -m timeit`` do; more than 2 % counts."""
    best, other = min(first[0].values), min(second[0].values)
    return _by(best * (1 + MARGIN) < other, other * (1 + MARGIN) < best)


def _by(is_faster: bool, is_slower: bool) -> Verdict:
    if is_faster:
        return Verdict.FASTER
    return Verdict.SLOWER if is_slower else Verdict.UNSURE
