"""The size from which one curve stays faster than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.matmul.curves import Floats, TimeCurve, common_sizes
from experiments.measure.verdict import MARGIN, TimeRatio, Verdict, time_ratio, verdicts, what_decides

RESAMPLES = 1000

CROSSOVER = "crossover"
AHEAD = "ahead everywhere"
UNCERTAIN = "no certain lead"
APART = "no common size"


@dataclass(frozen=True, eq=False)
class Leads:
    """Which of two curves is ahead at each of their common sizes."""

    at: npt.NDArray[np.int64]
    """One number for each size: 1 where the first is certainly faster, -1 where the second is, else 0."""
    last: str
    """What is known at the largest size where neither is ahead, as the end of a sentence."""
    verb: str = "is faster than"
    caveat: str = ""
    """A sentence on what a lead does not tell; empty where it is a verdict."""

    @classmethod
    def by_verdicts(cls, ratios: Sequence[TimeRatio], decided: Iterator[Verdict], comparisons: int) -> Leads | None:
        """Take a verdict for each ratio from ``decided``, of so many made at once; None where there is no ratio."""
        found = [next(decided) for _ in ratios]
        if not found:
            return None
        if found[-1] is Verdict.SAME:
            last = f"take the same time at the largest size, within {MARGIN:.0%}"
        else:
            last = f"cannot be told apart at the largest size; {what_decides(ratios[-1].processes_among(comparisons))}"
        signs = {Verdict.FASTER: 1, Verdict.SLOWER: -1}
        return cls(np.array([signs.get(verdict, 0) for verdict in found], dtype=np.int64), last)

    @classmethod
    def within_a_process(cls, first: TimeCurve, second: TimeCurve) -> Leads:
        """A lead is where the 95 % intervals are disjoint; without intervals every difference counts as one."""
        (low, high), (other_low, other_high) = first.intervals.T, second.intervals.T
        certain = ~((low <= other_high) & (other_low <= high))  # true where intervals are NaN, too
        at = np.where(certain, np.sign(second.seconds - first.seconds), 0).astype(np.int64)
        last = "cannot be told apart at the largest size, their 95 % intervals overlap"
        return cls(at, last, "took less time than", " One process each gives no verdict: another one may differ.")


@dataclass(frozen=True, eq=False)
class Crossover:
    """Which of two curves is ahead at which of their common sizes, and from where on one stays ahead."""

    first: TimeCurve
    second: TimeCurve
    outcome: str
    """CROSSOVER, AHEAD, UNCERTAIN (at the largest size), or APART."""
    leads: Leads
    n: float = math.nan
    """The size from which one stays ahead, interpolated between the measured sizes; NaN where there is no crossover."""
    interval: tuple[float, float] = (math.nan, math.nan)
    """The 95 % bootstrap interval of ``n``, from the resamples that have a crossover."""
    share: float = math.nan
    """The share of the resamples that have a crossover in the same direction."""

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

    def in_words(self) -> str:
        """The finding in a sentence or two."""
        first, second = self.first, self.second
        if self.outcome == APART:
            return f"{first.label} and {second.label} have no size in common."
        span = f"n = {in_digits(first.n[0])} to {in_digits(first.n[-1])}"
        if self.faster is None or self.slower is None:
            return f"No crossover in {span}: {first.label} and {second.label} {self.leads.last}."
        names = f"{self.faster.label} {self.leads.verb} {self.slower.label}"
        gain = f"{in_digits(self.speedup)}x at the largest"
        if self.outcome == AHEAD:
            where = "at every size" if self.leads.at.all() else "wherever the two can be told apart"
            return f"No crossover in {span}: {names} {where}, {gain}.{self.leads.caveat}"
        sentence = (
            f"{names} from n = {in_digits(self.n)} on ({self._certainty()}), {gain}, n = {in_digits(first.n[-1])}."
        )
        changes = f" The lead changes {self.lead_changes} times; this is the last." if self.lead_changes > 1 else ""
        return sentence + changes + self.leads.caveat

    def _certainty(self) -> str:
        if math.isnan(self.share):
            return "no interval: too few processes or samples"
        low, high = (in_digits(end) for end in self.interval)
        return f"95 % interval {low} to {high}, a crossover in {100 * self.share:.3g} % of the resamples"


def crossovers(pairs: Sequence[tuple[TimeCurve, TimeCurve]], seed: int = 0) -> list[Crossover]:
    """Find for each pair the size from which one of the two curves stays ahead up to the largest common size.

    There is a crossover where one curve is certainly ahead at the largest size, and the other at some smaller size.
    A lead is certain by the verdict on the two times, which is corrected for the number of sizes and pairs. ``seed`` is
    that of the resamples.
    """
    common = [_at_common_sizes(*pair) for pair in pairs]
    ratios = [_ratios(first, second) for first, second in common]
    everything = [ratio for of_pair in ratios for ratio in of_pair]
    decided, count = iter(verdicts(everything)), len(everything)
    leads = [
        Leads.by_verdicts(of_pair, decided, count) or Leads.within_a_process(*pair)
        for pair, of_pair in zip(common, ratios, strict=True)
    ]
    return [_crossover(*pair, of_pair, seed) for pair, of_pair in zip(common, leads, strict=True)]


def _at_common_sizes(first: TimeCurve, second: TimeCurve) -> tuple[TimeCurve, TimeCurve]:
    sizes = common_sizes([first, second])
    return first.at(sizes), second.at(sizes)


def _ratios(first: TimeCurve, second: TimeCurve) -> list[TimeRatio]:
    """The ratio of the times at each size; none where a curve is that of one process."""
    if not (first.has_processes and second.has_processes):
        return []
    return [time_ratio(one.tolist(), other.tolist()) for one, other in zip(first.levels, second.levels, strict=True)]


def _crossover(first: TimeCurve, second: TimeCurve, leads: Leads, seed: int) -> Crossover:
    if not len(leads.at):
        return Crossover(first, second, APART, leads)
    if leads.at[-1] == 0:
        return Crossover(first, second, UNCERTAIN, leads)
    if not np.any(leads.at == -leads.at[-1]):
        return Crossover(first, second, AHEAD, leads)
    log_n = np.log(first.n)
    n = math.exp(_last_crossing(_gap(first.seconds, second.seconds)[None] * leads.at[-1], log_n)[0])
    if not (first.can_be_resampled and second.can_be_resampled):
        return Crossover(first, second, CROSSOVER, leads, n)
    generator = np.random.default_rng(seed)
    gaps = _gap(first.resampled(RESAMPLES, generator), second.resampled(RESAMPLES, generator))
    found = _last_crossing(gaps * leads.at[-1], log_n)
    crossed = found[np.isfinite(found)]
    low, high = np.exp(np.percentile(crossed, [2.5, 97.5])) if len(crossed) else (math.nan, math.nan)
    return Crossover(first, second, CROSSOVER, leads, n, (float(low), float(high)), len(crossed) / RESAMPLES)


def in_digits(n: float) -> str:
    """A size or a ratio in words: whole numbers in full, others to three significant digits."""
    if float(n).is_integer():
        return f"{n:,.0f}"
    rounded = float(f"{n:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _gap(first: Floats, second: Floats) -> Floats:
    """The lead of ``first``: the logarithm of how many times faster it is, elementwise."""
    gap: Floats = np.log(second) - np.log(first)
    return gap


def _last_crossing(gaps: Floats, log_n: Floats) -> Floats:
    """The log n from which each row of ``gaps`` (one column a size) stays positive; NaN where it has no such change.

    Between two sizes the gap is interpolated linearly over log n.
    """
    behind = gaps <= 0
    before = np.minimum(len(log_n) - 1 - np.argmax(behind[:, ::-1], axis=1), len(log_n) - 2)
    row = np.arange(len(gaps))
    here, next_ = gaps[row, before], gaps[row, before + 1]
    crosses = behind.any(axis=1) & ~behind[:, -1]
    fraction = here / np.where(crosses, here - next_, 1.0)
    return np.where(crosses, log_n[before] + fraction * (log_n[before + 1] - log_n[before]), math.nan)
