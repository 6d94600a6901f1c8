"""The size from which one curve stays faster than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.matmul.curves import Floats, TimeCurve, common_sizes
from experiments.measure.log_ratio import LogRatio, decide
from experiments.measure.verdict import MARGIN, Verdict
from experiments.reporting.text import listed
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
    """Which of two curves is ahead at each size that is compared: 1 for the first, -1 for the second, 0 for neither."""

    at: Signs
    """Leads that are certain, corrected for all comparisons that are made at once."""
    alone: Signs
    """Leads that would be certain if each size were the only comparison."""
    gap: Floats
    """The logarithm of the second's time over the first's at each size, as the leads were found from."""
    last: str
    """What is known at the largest size where neither is ahead, as the end of a sentence."""
    are_verdicts: bool = True
    """Whether leads are verdicts, rather than those within one process each."""

    @classmethod
    def by_verdicts(cls, ratios: Sequence[LogRatio], decided: Iterator[Verdict], comparisons: int) -> Leads:
        """Take a verdict for each of one or more ratios from ``decided``, of so many made at once."""
        found = [next(decided) for _ in ratios]
        if found[-1] is Verdict.SAME:
            last = f"take the same time at the largest size, within {MARGIN:.0%}"
        else:
            last = f"cannot be told apart at the largest size; {ratios[-1].what_decides(comparisons)}"
        alone = [verdict for ratio in ratios for verdict in decide([ratio])]
        return cls(_signs(found), _signs(alone), np.array([-ratio.mean for ratio in ratios]), last)

    @classmethod
    def within_a_process(cls, first: TimeCurve, second: TimeCurve) -> Leads:
        """A lead is where the 95 % intervals are disjoint; without intervals every difference counts as one."""
        (low, high), (other_low, other_high) = first.intervals.T, second.intervals.T
        certain = ~((low <= other_high) & (other_low <= high))  # true where intervals are NaN, too
        gap = np.log(second.seconds / first.seconds)
        at = np.where(certain, np.sign(gap), 0).astype(np.int64)
        last = "cannot be told apart at the largest size, their 95 % intervals overlap"
        return cls(at, at, gap, last, are_verdicts=False)

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
    """Which of two curves is ahead at which of the sizes that are compared, and from where on one stays ahead."""

    first: TimeCurve
    second: TimeCurve
    outcome: str
    """CROSSOVER, AHEAD, UNCERTAIN (at the largest size), or APART."""
    leads: Leads
    left_out: tuple[int, ...] = ()
    """Common sizes that are not compared: one of the two has a single process there, and other sizes have verdicts."""

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
        gap = self.leads.gap[inside] * self.leads.at[-1]
        log_n = np.log(self.first.n[inside])
        before = int(np.flatnonzero(gap <= 0)[-1])
        here, after = gap[before], gap[before + 1]
        return float(np.exp(log_n[before] - here / (after - here) * (log_n[before + 1] - log_n[before])))

    @property
    def faster(self) -> TimeCurve | None:
        """The curve that is certainly ahead at the largest size compared; None where neither is."""
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
        """How many times faster the one ahead is at the largest size compared; NaN where neither is ahead."""
        return math.nan if self.faster is None else math.exp(self.leads.gap[-1] * self.leads.at[-1])

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
            return f"No crossover found in {span}: {first.label} and {second.label} {self.leads.last}.{self._caveat}"
        verb = "is faster than" if self.leads.are_verdicts else "took less time than"
        names = f"{self.faster.label} {verb} {self.slower.label}"
        gain = f"{in_digits(self.speedup)}x at the largest"
        if self.outcome == AHEAD:
            where = "at every size" if self.leads.at.all() else "wherever the two can be told apart"
            return f"No crossover found in {span}: {names} {where}, {gain}.{self._caveat}"
        sentence = f"{names} from {self._start()} on, {gain}, n = {in_digits(first.n[-1])}."
        changes = f" The lead changes {self.lead_changes} times; this is the last." if self.lead_changes > 1 else ""
        return sentence + changes + self._caveat

    @property
    def _caveat(self) -> str:
        """A sentence on where there is no verdict; empty where there is one at each common size."""
        if not self.leads.are_verdicts:
            return " One process gives no verdict: another one may differ."
        sizes = listed([in_digits(n) for n in self.left_out])
        return f" Left out: n = {sizes}, where one process gives no verdict." if self.left_out else ""

    def _start(self) -> str:
        low, high = (in_digits(end) for end in self.interval)
        if not (self.is_narrow and self.leads.are_verdicts):
            return f"somewhere between n = {low} and n = {high}"
        return f"n = {in_digits(self.n)} (95 % interval {low} to {high})"


def crossovers(pairs: Sequence[tuple[TimeCurve, TimeCurve]]) -> list[Crossover]:
    """Find for each pair the size from which one of the two curves stays ahead up to the largest size compared.

    There is a crossover where one curve is certainly ahead at the largest size, and the other at some smaller size.
    A lead is certain by the verdict on the two times, which is corrected for the number of sizes and pairs.
    """
    ratios = [_ratios(*pair) for pair in pairs]
    everything = [ratio for of_pair in ratios for ratio in of_pair.values()]
    decided, count = iter(decide(everything)), len(everything)
    return [_crossover(*pair, of_pair, decided, count) for pair, of_pair in zip(pairs, ratios, strict=True)]


def how_telling(found: Crossover) -> tuple[int, float]:
    """A key that sorts crossovers first, then certain leads, each by speedup."""
    order = {CROSSOVER: 0, AHEAD: 1}
    return order.get(found.outcome, len(order)), -found.speedup if math.isfinite(found.speedup) else 0.0


def in_digits(n: float) -> str:
    """A size or a ratio in words: whole numbers in full, others to three significant digits."""
    if float(n).is_integer():
        return f"{n:,.0f}"
    rounded = float(f"{n:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _ratios(first: TimeCurve, second: TimeCurve) -> dict[int, LogRatio]:
    """The ratio of the times at each common size, ascending; none where a time is that of one process."""
    common = common_sizes([first, second])
    times = zip(common.tolist(), first.at(common).times, second.at(common).times, strict=True)
    return {n: ratio for n, one, other in times if (ratio := ratio_by_turn(one, other))}


def _crossover(
    first: TimeCurve, second: TimeCurve, ratios: Mapping[int, LogRatio], decided: Iterator[Verdict], comparisons: int
) -> Crossover:
    """Compare two curves at the sizes with a ratio; at all common ones, without verdicts, where there is none."""
    common = common_sizes([first, second])
    sizes = np.array(list(ratios), dtype=np.int64) if ratios else common
    first, second = first.at(sizes), second.at(sizes)
    if ratios:
        leads = Leads.by_verdicts(list(ratios.values()), decided, comparisons)
    else:
        leads = Leads.within_a_process(first, second)
    if not len(leads.at):
        outcome = APART
    elif leads.at[-1] == 0:
        outcome = UNCERTAIN
    else:
        outcome = CROSSOVER if leads.change else AHEAD
    return Crossover(first, second, outcome, leads, tuple(np.setdiff1d(common, sizes).tolist()))


def _signs(found: Sequence[Verdict]) -> Signs:
    return np.array([SIGNS.get(verdict, 0) for verdict in found], dtype=np.int64)
