"""Where the intervals of an answer come from, in words."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.measure import Measurement


def origin_of_intervals(measurements: Iterable[Measurement]) -> list[str]:
    """A paragraph of a note on the 95 % intervals of ``measurements``; none where they have none."""
    having = [one for one in measurements if one.has_interval]
    if not having:
        return []
    counts = sorted({len(one.levels) for one in having})
    if counts == [1]:
        return ["The 95 % intervals hold within this one process; another one may be off by more."]
    several = [count for count in counts if count > 1]
    processes = f"{several[0]} to {several[-1]}" if len(several) > 1 else f"{several[0]}"
    within = "; those of a single process hold within it alone" if 1 in counts else ""
    return [f"The 95 % intervals follow from the spread between {processes} processes{within}."]
