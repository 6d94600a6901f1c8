"""The time of a call in one process, and how two processes compare that measured block by block beside each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Self


class Level(float):
    """The median time of a call in one process, in seconds, with the samples that it is the median of."""

    rounds: Mapping[int, Sequence[float]]
    """The samples of each round in their order, in seconds a call."""

    def __new__(cls, rounds: Mapping[int, Sequence[float]]) -> Self:
        level = super().__new__(cls, statistics.median(time for times in rounds.values() for time in times))
        level.rounds = rounds
        return level

    def __getnewargs__(self) -> tuple[Mapping[int, Sequence[float]]]:  # type: ignore[override]  # float's is its value
        return (self.rounds,)

    @property
    def samples(self) -> list[float]:
        """All samples in their order, in seconds a call."""
        return [time for times in self.rounds.values() for time in times]


def quotient(first: float, second: float) -> float:
    """Return the ratio of two processes' times.

    Of two levels it is the median over the blocks that both have: in alternation, each two of them met the same
    machine, so that what differs from block to block cancels. Otherwise it is the ratio of the numbers.
    """
    if not (isinstance(first, Level) and isinstance(second, Level)):
        return first / second
    ratios = [
        math.log(one / other)
        for number in first.rounds.keys() & second.rounds.keys()
        for one, other in zip(first.rounds[number], second.rounds[number], strict=False)
    ]
    return math.exp(statistics.median(ratios)) if ratios else first / second
