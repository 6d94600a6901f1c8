"""The time of a call in one process, and how two processes compare that measured block by block beside each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Self


class Level(float):
    """The median time of a call in one process, in seconds, with the samples that it is the median of."""

    samples: Sequence[float]
    """Seconds a call of each sample."""
    cycles: Sequence[int | None]
    """The cycle of each sample among the processes that measured beside each other; None for one that was alone."""

    def __new__(cls, samples: Sequence[float], cycles: Sequence[int | None] = ()) -> Self:
        level = super().__new__(cls, statistics.median(samples))
        level.samples, level.cycles = samples, cycles
        return level

    def __getnewargs__(self) -> tuple[Sequence[float], Sequence[int | None]]:  # type: ignore[override]  # of a float
        return self.samples, self.cycles

    @property
    def by_cycle(self) -> dict[int, float]:
        """The samples that were made beside others, by their cycles."""
        pairs = zip(self.cycles, self.samples, strict=False)
        return {cycle: sample for cycle, sample in pairs if cycle is not None}


def quotient(first: float, second: float) -> float:
    """Return the ratio of two processes' times, which had the same turn.

    Where at least half of the blocks of one share a cycle with those of the other, it is the median of these pairs'
    ratios: a pair met the same machine, so that what differs from block to block cancels. Otherwise it is that of the
    times.
    """
    one, other = (level.by_cycle if isinstance(level, Level) else {} for level in (first, second))
    common = one.keys() & other.keys()
    if not common or 2 * len(common) < min(len(one), len(other)):
        return first / second
    return math.exp(statistics.median(math.log(one[cycle] / other[cycle]) for cycle in common))
