"""The further sizes that show where the lead between two curves changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from experiments.job_result import JobResult
from experiments.matmul.crossover import CROSSOVER, Crossover, how_telling
from experiments.matmul.pairing import Comparison

CLOSE = 1.05
"""A crossover is found when the ends of its interval are within this factor."""

WIDE = 1.2
"""A gap between two sizes is wide from this factor on."""

MOST_PAIRS = 10
"""So many pairs are refined: the first ones that a sweep's note shows."""


def further_sizes(members: Sequence[JobResult]) -> dict[int, list[int]]:
    """Return the sizes to measure next by the index of the job, ascending; none where every crossover is found.

    Two curves of one process each have no verdicts, so nothing is looked for between them.
    """
    index = {id(job): place for place, job in enumerate(members)}
    found: dict[int, set[int]] = {}
    several = [job for job in members if len(job.turns) > 1]  # known without reading a table
    crossovers = sorted(Comparison(several).crossovers.values(), key=how_telling)
    for one in [one for one in crossovers if one.outcome == CROSSOVER][:MOST_PAIRS]:
        if sizes := sizes_between(one):
            for curve in (one.first, one.second):
                found.setdefault(index[id(curve.job)], set()).update(sizes)
    return {job: sorted(sizes) for job, sizes in found.items()}


def sizes_between(found: Crossover) -> list[int]:
    """Return the sizes to measure next within the interval of a crossover; none if it is found.

    It is found when the interval is narrow, or when the two cannot be told apart within it and the sizes at which they
    can are close to those at which they cannot.
    """
    change = found.leads.change
    if change is None or not found.leads.are_verdicts:
        return []
    low, *undecided, high = (int(n) for n in found.first.n[change[0] : change[1] + 1])
    if high <= CLOSE * low:
        return []
    if not undecided:
        return _around(found.n, low, high) or _between(low, high)
    gaps = [(low, undecided[0]), (undecided[-1], high)]
    return [n for gap in gaps if gap[1] > math.sqrt(CLOSE) * gap[0] for n in _between(*gap)]


def _around(guess: float, low: int, high: int) -> list[int]:
    """Sizes around a guess: if it is good, the next interval is the fourth root of this one."""
    step = (high / low) ** 0.125
    return _whole([guess / step, guess, guess * step], low, high)


def _between(low: int, high: int) -> list[int]:
    """Sizes that divide a gap into equal ratios: two in a wide gap, one in another."""
    parts = 3 if high > WIDE * low else 2
    return _whole([low * (high / low) ** (part / parts) for part in range(1, parts)], low, high)


def _whole(sizes: Iterable[float], low: int, high: int) -> list[int]:
    """The distinct whole numbers among ``sizes`` that lie between the two."""
    return sorted({n for size in sizes if low < (n := round(size)) < high})
