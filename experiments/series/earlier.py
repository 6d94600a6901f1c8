"""A remark on an earlier run of the same question that found other times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.recorder import Answered, Cell, Row
from experiments.reporting.markdown import literal
from experiments.reporting.text import duration

LOW, HIGH = "ci_low_us", "ci_high_us"


@dataclass(frozen=True)
class _Time:
    """A time with its 95 % interval, in microseconds."""

    value: float
    low: float
    high: float

    def is_apart_from(self, other: _Time) -> bool:
        return self.low > other.high or self.high < other.low


def changes(
    before: Answered | None, rows: Sequence[Row], key_column: str, title: Callable[[Any], str] = str
) -> list[str]:
    """A paragraph on the time that differs most from the earlier run's, among those whose intervals are disjoint.

    ``rows`` are those of results.csv, with their keys in ``key_column``; ``title`` names a key. There is no paragraph
    without such a time. Intervals from within one process do not count: another process may be off by more.
    """
    if before is None:
        return []
    then = {(row.get(key_column), name): time for row in before.results for name, time in _times(row)}
    apart = [
        (f"{title(row[key_column])} {name}".strip(), now, then[key])
        for row in rows
        for name, now in _times(row)
        if (key := (str(row[key_column]), name)) in then and now.is_apart_from(then[key])
    ]
    if not apart:
        return []
    where, now, past = max(apart, key=lambda one: abs(math.log(one[1].value / one[2].value)))
    more = f" and {len(apart) - 1} more" if len(apart) > 1 else ""
    return [
        f"An earlier run of the same question ({literal(before.name)}, {before.began}) had "
        f"{duration(past.value * 1e-6)} at {where}, now it is {duration(now.value * 1e-6)}: the intervals of this "
        f"time{more} are disjoint. Something has changed between them: the load, the machine, or what is installed."
    ]


def _times(row: Mapping[str, Cell] | Mapping[str, str]) -> Iterator[tuple[str, _Time]]:
    """Yield the times that several processes found, by the names of the calls; a single call has no name."""
    for column in row:
        prefix = column.removesuffix(LOW)
        if prefix != column and int(row.get(f"{prefix}processes") or 1) > 1:
            columns = f"{prefix}us" if prefix else "median_us", column, f"{prefix}{HIGH}"
            value, low, high = (float(row.get(one) or math.nan) for one in columns)
            if math.isfinite(low) and math.isfinite(value):
                yield prefix.rstrip("_"), _Time(value, low, high)
