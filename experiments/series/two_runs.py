"""The times of two runs beside each other, with verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiments.measure.between import geometric_mean
from experiments.measure.log_ratio import Drift, LogRatio, decide, of_processes, slower_by_more
from experiments.measure.verdict import Verdict
from experiments.series.levels import Key, Levels

ONE_PROCESS = "a single process has no spread between processes; measure with experiment.timing.processes=5"


@dataclass(frozen=True, eq=False)
class TwoRuns:
    """Two runs that may be compared, A and B."""

    name: str
    """The swept values that both have; empty if neither is a job of a sweep that is compared as a whole."""
    first: Levels
    second: Levels
    turns: tuple[Sequence[str], Sequence[str]] = ((), ())
    """The turns of the processes of each, where they are known."""
    drifts: Mapping[Key, Drift] = field(default_factory=dict)
    """What is known of the machine's drift between two runs."""
    busy: float = 0.0
    """The share of the machine that other programs took beside one of the two; 0 if it was little."""

    @property
    def keys(self) -> list[Key]:
        """What both have timed, in the order of A."""
        return [key for key in self.first.seconds if key in self.second.seconds]


@dataclass(frozen=True)
class Compared:
    """The times of one key in both runs."""

    runs: TwoRuns
    key: Key
    ratio: LogRatio | None
    """B over A; None where one of them has a single process."""
    verdict: Verdict
    """The verdict on B."""
    is_slower_by_margin: bool
    """Whether B is certainly slower by more than the margin."""
    reason: str
    """Why the verdict is UNSURE; empty otherwise."""

    @property
    def took_turns(self) -> bool:
        """Whether their processes took turns, so that a drift of the machine cancels."""
        return self.ratio is not None and self.ratio.pairs is not None

    @property
    def seconds(self) -> tuple[float, float]:
        """The times of a call in A and in B: the geometric means of their processes' medians."""
        first, second = (geometric_mean(list(times.values())) for times in _levels(self.runs, self.key))
        return first, second

    @property
    def value(self) -> float:
        """The time of B over that of A."""
        first, second = self.seconds
        return self.ratio.ratio if self.ratio else second / first


def compare(pairs: Sequence[TwoRuns], margin: float) -> list[Compared]:
    """Compare what the runs of each pair have both timed; all verdicts together are corrected for their number."""
    keys = [(runs, key) for runs in pairs for key in runs.keys]
    found = [_ratio(runs, key) for runs, key in keys]
    ratios = [ratio for ratio in found if ratio]
    decided = iter(zip(decide(ratios), slower_by_more(ratios, margin), strict=True))
    compared = []
    for (runs, key), ratio in zip(keys, found, strict=True):
        verdict, is_beyond = next(decided) if ratio else (Verdict.UNSURE, False)
        reason = _reason(ratio, len(ratios)) if verdict is Verdict.UNSURE else ""
        is_slower = is_beyond and verdict is Verdict.SLOWER
        compared.append(Compared(runs, key, ratio, verdict, is_slower, reason))
    return compared


def _ratio(runs: TwoRuns, key: Key) -> LogRatio | None:
    first, second = (
        {turns[process] if process < len(turns) else (place, process): time for process, time in levels.items()}
        for place, (levels, turns) in enumerate(zip(_levels(runs, key), runs.turns, strict=True))
    )
    if min(len(first), len(second)) < 2:
        return None
    return of_processes(second, first, runs.drifts.get(key), runs.busy)


def _reason(ratio: LogRatio | None, comparisons: int) -> str:
    return ratio.what_decides(comparisons) if ratio else ONE_PROCESS


def _levels(runs: TwoRuns, key: Key) -> tuple[Mapping[int, float], Mapping[int, float]]:
    return runs.first.seconds[key], runs.second.seconds[key]
