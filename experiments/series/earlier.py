"""A remark on an earlier run of the same question that found other times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.measure.log_ratio import UNKNOWN_DRIFT, LogTime, decide, of_log_times
from experiments.measure.verdict import Verdict
from experiments.recorder import Answered, Cell, Row
from experiments.reporting.markdown import literal
from experiments.reporting.text import duration

LOW, HIGH = "ci_low_us", "ci_high_us"


@dataclass(frozen=True)
class _Time:
    """A time of several processes, in microseconds."""

    value: float
    logarithm: LogTime


def changes(
    before: Answered | None, rows: Sequence[Row], key_column: str, title: Callable[[Any], str] = str
) -> list[str]:
    """A paragraph on the time that differs most from the earlier run's, of those that differ for certain.

    ``rows`` are those of results.csv, with their keys in ``key_column``; ``title`` names a key. There is no paragraph
    without such a time. The tests are those of two runs that did not take turns, corrected for the number of times.
    Times of one process do not count: another process may be off by more.
    """
    if before is None:
        return []
    then = {(row.get(key_column), name): time for row in before.results for name, time in _times(row)}
    both = [
        (f"{title(row[key_column])} {name}".strip(), now, then[key])
        for row in rows
        for name, now in _times(row)
        if (key := (str(row[key_column]), name)) in then
    ]
    verdicts = decide([of_log_times(now.logarithm, past.logarithm, None) for _, now, past in both])
    apart = [one for one, found in zip(both, verdicts, strict=True) if found in (Verdict.FASTER, Verdict.SLOWER)]
    if not apart:
        return []
    where, now, past = max(apart, key=lambda one: abs(math.log(one[1].value / one[2].value)))
    which = f"this one and {len(apart) - 1} more differ" if len(apart) > 1 else "this one differs"
    return [
        f"An earlier run of the same question ({literal(before.name)}, {before.began}) had "
        f"{duration(past.value * 1e-6)} at {where}, now it is {duration(now.value * 1e-6)}. Of {len(both)} times "
        f"compared, {which} for certain by more than the {UNKNOWN_DRIFT:.0%} that a machine may drift between runs. "
        "The load, the machine, or what is installed has changed."
    ]


def _times(row: Mapping[str, Cell] | Mapping[str, str]) -> Iterator[tuple[str, _Time]]:
    """Yield the times that several processes found, by the names of the calls; a single call has no name."""
    for column in row:
        prefix = column.removesuffix(LOW)
        processes = int(row.get(f"{prefix}processes") or 1)
        if prefix != column and processes > 1:
            columns = f"{prefix}us" if prefix else "median_us", column, f"{prefix}{HIGH}"
            value, low, high = (float(row.get(one) or math.nan) for one in columns)
            if value > 0 and 0 < low <= high < math.inf:
                yield prefix.rstrip("_"), _Time(value, LogTime.from_interval(low, high, processes))
