"""Processes that measure block by block beside each other: which of them goes on next."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Yielding(Protocol):
    """A process that has yielded to others."""

    place: float | None
    """The place of the visit that it is about to begin; None between two blocks."""
    cycle: int
    """The cycle in which it has made its last block."""


Y = TypeVar("Y", bound=Yielding)


class Conductor:
    """Decides which of several processes goes on."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        self._cycle = 0

    def next_to_go_on(self, yielded: Sequence[Y]) -> Y | None:
        """Return which of those that have yielded goes on next, in the cycle that it has then; None without any.

        No other one may compute. Those that sample make a block each, in random order, cycle after cycle. Only when all
        have ended their visits do the next ones begin: those with the lowest place.
        """
        if not yielded:
            return None
        places = [one.place for one in yielded if one.place is not None]
        if len(places) == len(yielded):
            self._begin([one for one in yielded if one.place == min(places)])
        sampling = [one for one in yielded if one.place is None]
        if all(one.cycle == self._cycle for one in sampling):
            self._cycle += 1
        chosen = self._random.choice([one for one in sampling if one.cycle < self._cycle])
        chosen.cycle = self._cycle
        return chosen

    def _begin(self, visitors: Sequence[Yielding]) -> None:
        """Let visits begin in a new cycle: one that needed fewer blocks than others may not have been in the last."""
        self._cycle += 1
        for one in visitors:
            one.place = None
