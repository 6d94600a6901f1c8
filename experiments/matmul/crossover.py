"""Where one curve overtakes another for good."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.matmul.curves import Floats, TimeCurve, common_sizes

RESAMPLES = 1000

CROSSOVER = "crossover"
AHEAD = "ahead everywhere"
UNCERTAIN = "no certain lead"
APART = "no common size"


@dataclass(frozen=True, eq=False)
class Crossover:
    """How the lead between two curves goes, over the sizes that both have."""

    first: TimeCurve
    second: TimeCurve
    outcome: str
    """CROSSOVER, AHEAD, UNCERTAIN at the largest size, or APART."""
    leads: npt.NDArray[np.int64]
    """At each common size 1 where ``first`` is faster for certain, -1 where ``second`` is, 0 where it is open."""
    n: float = math.nan
    """From here on one stays ahead; between the sizes by interpolation."""
    interval: tuple[float, float] = (math.nan, math.nan)
    """The 95 % bootstrap interval of ``n``, over the resamples that have a crossover."""
    share: float = math.nan
    """The share of the resamples in which the same curve overtakes the other somewhere."""

    @property
    def faster(self) -> TimeCurve | None:
        """The one ahead at the largest common size; None where that is open."""
        return {1: self.first, -1: self.second}.get(self.leads[-1]) if len(self.leads) else None

    @property
    def slower(self) -> TimeCurve | None:
        return {1: self.second, -1: self.first}.get(self.leads[-1]) if len(self.leads) else None

    @property
    def lead_changes(self) -> int:
        """How often the lead changes for certain: noise between equals is no change."""
        certain = self.leads[self.leads != 0]
        return int(np.sum(certain[1:] != certain[:-1]))

    @property
    def speedup(self) -> float:
        """How many times faster the one ahead is at the largest common size."""
        if self.faster is None or self.slower is None:
            return math.nan
        return float(self.slower.seconds[-1] / self.faster.seconds[-1])

    def in_words(self) -> str:
        """The finding in a sentence or two."""
        first, second = self.first, self.second
        if self.outcome == APART:
            return f"{first.label} and {second.label} have no size in common."
        span = f"n = {in_digits(first.n[0])} to {in_digits(first.n[-1])}"
        if self.faster is None or self.slower is None:
            return (
                f"No crossover in {span}: {first.label} and {second.label} "
                f"cannot be told apart at the largest size, their 95 % intervals overlap."
            )
        names = f"{self.faster.label} is faster than {self.slower.label}"
        gain = f"{in_digits(self.speedup)}x at the largest"
        if self.outcome == AHEAD:
            where = "at every size" if self.leads.all() else "wherever the two can be told apart"
            return f"No crossover in {span}: {names} {where}, {gain}."
        sentence = (
            f"{names} from n = {in_digits(self.n)} on ({self._certainty()}), {gain}, n = {in_digits(first.n[-1])}."
        )
        changes = f" The lead changes {self.lead_changes} times; this is the last." if self.lead_changes > 1 else ""
        return sentence + changes

    def _certainty(self) -> str:
        if math.isnan(self.share):
            return "no interval: too few samples"
        low, high = (in_digits(end) for end in self.interval)
        return f"95 % interval {low} to {high}, a crossover in {100 * self.share:.3g} % of the resamples"


def crossover(first: TimeCurve, second: TimeCurve, seed: int = 0) -> Crossover:
    """The size from which one of two curves stays ahead to the end of the common range.

    A crossover needs a certain lead at both ends: of one curve at the largest size, of the other at
    some smaller one. A lead is certain where the 95 % intervals of the medians are disjoint; where there
    are too few samples for intervals, medians are taken at their word.
    """
    sizes = common_sizes([first, second])
    first, second = first.at(sizes), second.at(sizes)
    leads = _leads(first, second)
    if not len(sizes):
        return Crossover(first, second, APART, leads)
    if leads[-1] == 0:
        return Crossover(first, second, UNCERTAIN, leads)
    if not np.any(leads == -leads[-1]):
        return Crossover(first, second, AHEAD, leads)
    log_n = np.log(sizes)
    n = math.exp(_last_crossing(_gap(first.seconds, second.seconds)[None] * leads[-1], log_n)[0])
    if not (first.has_intervals and second.has_intervals):
        return Crossover(first, second, CROSSOVER, leads, n)
    generator = np.random.default_rng(seed)
    gaps = _gap(first.resampled(RESAMPLES, generator), second.resampled(RESAMPLES, generator))
    found = _last_crossing(gaps * leads[-1], log_n)
    crossed = found[np.isfinite(found)]
    low, high = np.exp(np.percentile(crossed, [2.5, 97.5])) if len(crossed) else (math.nan, math.nan)
    return Crossover(first, second, CROSSOVER, leads, n, (float(low), float(high)), len(crossed) / RESAMPLES)


def in_digits(n: float) -> str:
    """A size or a ratio, to three significant digits unless it is whole."""
    if float(n).is_integer():
        return f"{n:,.0f}"
    rounded = float(f"{n:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _gap(first: Floats, second: Floats) -> Floats:
    """The lead of ``first``: the logarithm of how many times faster it is."""
    gap: Floats = np.log(second) - np.log(first)
    return gap


def _leads(first: TimeCurve, second: TimeCurve) -> npt.NDArray[np.int64]:
    """Who is ahead for certain at each size, as in :attr:`Crossover.leads`."""
    (low, high), (other_low, other_high) = first.intervals.T, second.intervals.T
    certain = ~((low <= other_high) & (other_low <= high))  # true where there is no interval, of NaN
    return np.where(certain, np.sign(second.seconds - first.seconds), 0).astype(np.int64)


def _last_crossing(gaps: Floats, log_n: Floats) -> Floats:
    """For each row of leads over the sizes, the log n from which it stays positive; NaN where it never changes.

    Between two sizes the lead is interpolated linearly in log time over log n.
    """
    behind = gaps <= 0
    before = np.minimum(len(log_n) - 1 - np.argmax(behind[:, ::-1], axis=1), len(log_n) - 2)
    row = np.arange(len(gaps))
    here, next_ = gaps[row, before], gaps[row, before + 1]
    crosses = behind.any(axis=1) & ~behind[:, -1]
    fraction = here / np.where(crosses, here - next_, 1.0)
    return np.where(crosses, log_n[before] + fraction * (log_n[before + 1] - log_n[before]), math.nan)
