"""The order in which points are measured."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

Point = TypeVar("Point")

STRIDE = 2
"""How many steps lie between two visits to the same point."""


def window(rounds: int) -> int:
    """How many points can be in progress at the same time: what must fit into memory together."""
    return (rounds - 1) * STRIDE + 1


def visiting_order(points: Sequence[Point], rounds: int, seed: int) -> Iterator[Point]:
    """Each point ``rounds`` times, in random order, with visits to other points in between.

    Random interleaving spreads the machine's slow drifts over all points (google/benchmark saw 40 %
    less variance). The rounds are staggered rather than one after the other, so that from early on
    one point after another is complete: whatever ends the run, the complete ones are kept, and
    only a :func:`window` of them holds memory.
    """
    generator = random.Random(seed)
    order = list(points)
    generator.shuffle(order)
    for step in range(len(order) + (rounds - 1) * STRIDE):
        turns = (step - turn * STRIDE for turn in range(rounds))
        due = [order[turn] for turn in turns if 0 <= turn < len(order)]
        generator.shuffle(due)
        yield from due
