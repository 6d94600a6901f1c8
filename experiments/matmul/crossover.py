"""The size from which one curve stays faster than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.matmul.curves import TimeCurve, common_sizes
from experiments.measure.unpaired import LogRatio, decide
from experiments.measure.verdict import MARGIN, Verdict
from experiments.series.comparing import ratio_by_turn

CROSSOVER = "crossover"
AHEAD = "ahead everywhere"
UNCERTAIN = "no certain lead"
APART = "no common size"

NARROW = 1.5
"""An interval whose ends are within this factor has a best guess inside; in a wider one a guess would mislead."""

SIGNS = {Verdict.FASTER: 1, Verdict.SLOWER: -1}

Signs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Leads:
    """Which of two curves is ahead at each of their common sizes: 1 for the first, -1 for the second, 0 for neither."""

    at: Signs
    """Leads that are certain, corrected for all comparisons that are made at once."""
    alone: Signs
    """Leads that would be certain if each size were the only comparison."""
    last: str
    """What is known at the largest size where neither is ahead, as the end of a sentence."""
    verb: str = "is faster than"
    caveat: str = ""
    """A sentence on what a lead does not tell; empty where it is a verdict."""

    @classmethod
    def by_verdicts(cls, ratios: Sequence[LogRatio], decided: Iterator[Verdict], comparisons: int) -> Leads | None:
        """Take a verdict for each ratio from ``decided``, of so many made at once; None where there is no ratio."""
        found = [next(decided) for _ in ratios]
        if not found:
            return None
        if found[-1] is Verdict.SAME:
            last = f"take the same time at the largest size, within {MARGIN:.0%}"
        else:
            last = f"cannot be told apart at the largest size; {ratios[-1].what_decides(comparisons)}"
        return cls(_signs(found), _signs([verdict for ratio in ratios for verdict in decide([ratio])]), last)

    @classmethod
    def within_a_process(cls, first: TimeCurve, second: TimeCurve) -> Leads:
        """A lead is where the 95 % intervals are disjoint; without intervals every difference counts as one."""
        (low, high), (other_low, other_high) = first.intervals.T, second.intervals.T
        certain = ~((low <= other_high) & (other_low <= high))  # true where intervals are NaN, too
        at = np.where(certain, np.sign(second.seconds - first.seconds), 0).astype(np.int64)
        last = "cannot be told apart at the largest size, their 95 % intervals overlap"
        return cls(at, at, last, "took less time than", " One process each gives no verdict: another one may differ.")

    @property
    def change(self) -> tuple[int, int] | None:
        """The indices of the two sizes between which the lead changes for the last time; None where it does not.

        Among all sizes, the certain leads say that and roughly where it changes. From there on inwards, sizes are
        tested one after the other until one leaves the lead open: in such a fixed sequence each may be tested as if it
        were alone (W. Maurer, L. A. Hothorn, W. Lehmacher, Multiple Comparisons in Drug Clinical Trials, 1995).
        """
        if not len(self.at) or not self.at[-1] or not np.any(self.at == -self.at[-1]):
            return None
        ahead = self.at[-1]
        low = int(np.flatnonzero(self.at == -ahead)[-1])
        high = low + int(np.flatnonzero(self.at[low:] == ahead)[0])
        while low + 1 < high and self.alone[low + 1] == -ahead:
            low += 1
        while high - 1 > low and self.alone[high - 1] == ahead:
            high -= 1
        return low, high


@dataclass(frozen=True, eq=False)
class Crossover:
    """Which of two curves is ahead at which of their common sizes, and from where on one stays ahead."""

    first: TimeCurve
    second: TimeCurve
    outcome: str
    """CROSSOVER, AHEAD, UNCERTAIN (at the largest size), or APART."""
    leads: Leads

    @property
    def interval(self) -> tuple[float, float]:
        """The sizes between which the lead changes for the last time, NaN where it does not.

        Up to the first the one is certainly ahead, from the second on the other: with verdicts, both at once with 95 %.
        """
        if (change := self.leads.change) is None:
            return math.nan, math.nan
        return float(self.first.n[change[0]]), float(self.first.n[change[1]])

    @property
    def n(self) -> float:
        """The size from which one stays ahead: interpolated between the sizes that have the last change of sign."""
        if (change := self.leads.change) is None:
            return math.nan
        inside = slice(change[0], change[1] + 1)
        gap = np.log(self.second.seconds[inside] / self.first.seconds[inside]) * self.leads.at[-1]
        log_n = np.log(self.first.n[inside])
        before = int(np.flatnonzero(gap <= 0)[-1])
        here, after = gap[before], gap[before + 1]
        return float(np.exp(log_n[before] - here / (after - here) * (log_n[before + 1] - log_n[before])))

    @property
    def faster(self) -> TimeCurve | None:
        """The curve that is certainly ahead at the largest common size; None where neither is."""
        return {1: self.first, -1: self.second}.get(self.leads.at[-1]) if len(self.leads.at) else None

    @property
    def slower(self) -> TimeCurve | None:
        """The other one; None where neither is certainly ahead."""
        return {1: self.second, -1: self.first}.get(self.leads.at[-1]) if len(self.leads.at) else None

    @property
    def lead_changes(self) -> int:
        """How often the certain lead changes hands; sizes at which neither is certainly ahead do not count."""
        certain = self.leads.at[self.leads.at != 0]
        return int(np.sum(certain[1:] != certain[:-1]))

    @property
    def speedup(self) -> float:
        """How many times faster the one ahead is at the largest common size; NaN where neither is ahead."""
        if self.faster is None or self.slower is None:
            return math.nan
        return float(self.slower.seconds[-1] / self.faster.seconds[-1])

    @property
    def is_narrow(self) -> bool:
        """Whether the interval is so narrow that :attr:`n` tells more than its ends."""
        low, high = self.interval
        return high <= NARROW * low

    def in_words(self) -> str:
        """The finding in a sentence or two."""
        first, second = self.first, self.second
        if self.outcome == APART:
            return f"{first.label} and {second.label} have no size in common."
        span = f"n = {in_digits(first.n[0])} to {in_digits(first.n[-1])}"
        if self.faster is None or self.slower is None:
            return f"No crossover found in {span}: {first.label} and {second.label} {self.leads.last}."
        names = f"{self.faster.label} {self.leads.verb} {self.slower.label}"
        gain = f"{in_digits(self.speedup)}x at the largest"
        if self.outcome == AHEAD:
            where = "at every size" if self.leads.at.all() else "wherever the two can be told apart"
            return f"No crossover found in {span}: {names} {where}, {gain}.{self.leads.caveat}"
        sentence = f"{names} from {self._start()} on, {gain}, n = {in_digits(first.n[-1])}."
        changes = f" The lead changes {self.lead_changes} times; this is the last." if self.lead_changes > 1 else ""
        return sentence + changes + self.leads.caveat

    def _start(self) -> str:
        low, high = (in_digits(end) for end in self.interval)
        if not self.is_narrow or self.leads.caveat:
            return f"somewhere between n = {low} and n = {high}"
        return f"n = {in_digits(self.n)} (95 % interval {low} to {high})"


def crossovers(pairs: Sequence[tuple[TimeCurve, TimeCurve]]) -> list[Crossover]:
    """Find for each pair the size from which one of the two curves stays ahead up to the largest common size.

    There is a crossover where one curve is certainly ahead at the largest size, and the other at some smaller size.
    A lead is certain by the verdict on the two times, which is corrected for the number of sizes and pairs.
    """
    common = [_at_common_sizes(*pair) for pair in pairs]
    ratios = [_ratios(first, second) for first, second in common]
    everything = [ratio for of_pair in ratios for ratio in of_pair]
    decided, count = iter(decide(everything)), len(everything)
    return [
        _crossover(*pair, Leads.by_verdicts(of_pair, decided, count) or Leads.within_a_process(*pair))
        for pair, of_pair in zip(common, ratios, strict=True)
    ]


def in_digits(n: float) -> str:
    """A size or a ratio in words: whole numbers in full, others to three significant digits."""
    if float(n).is_integer():
        return f"{n:,.0f}"
    rounded = float(f"{n:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _at_common_sizes(first: TimeCurve, second: TimeCurve) -> tuple[TimeCurve, TimeCurve]:
    sizes = common_sizes([first, second])
    return first.at(sizes), second.at(sizes)


def _ratios(first: TimeCurve, second: TimeCurve) -> list[LogRatio]:
    """The ratio of the times at each size; none where a curve is that of one process."""
    if not (first.has_processes and second.has_processes):
        return []
    pairs = zip(first.times, second.times, strict=True)
    return [ratio for pair in pairs if (ratio := ratio_by_turn(*pair))]


def _crossover(first: TimeCurve, second: TimeCurve, leads: Leads) -> Crossover:
    if not len(leads.at):
        outcome = APART
    elif leads.at[-1] == 0:
        outcome = UNCERTAIN
    else:
        outcome = CROSSOVER if leads.change else AHEAD
    return Crossover(first, second, outcome, leads)


def _signs(found: Sequence[Verdict]) -> Signs:
    return np.array([SIGNS.get(verdict, 0) for verdict in found], dtype=np.int64)
