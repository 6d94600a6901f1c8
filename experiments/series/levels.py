"""The times of a run's processes, from its samples.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from experiments.measure.level import Level

OF_THE_SAMPLE = ("process", "round", "calls", "seconds", "cycle")
"""The columns that tell of the sample itself; those before them say what was timed."""

Key = tuple[str, ...]
"""What was timed, such as ``("matmul", "forward")``: the cells of the columns before the sample's own."""


@dataclass(frozen=True)
class Levels:
    """The median time of a call in each process, for everything that a run timed."""

    columns: tuple[str, ...]
    """The names of a key's columns, such as ``("operator", "call")``."""
    seconds: Mapping[Key, Mapping[int, Level]]
    """For each key, seconds a call by the number of the process."""


def levels_of(samples: Sequence[Mapping[str, str]]) -> Levels:
    """Read the rows of samples.csv; without any, no key was timed."""
    columns = _columns(samples)
    found: dict[Key, dict[int, tuple[list[float], list[int | None]]]] = {}
    for row in samples:
        of_key = found.setdefault(tuple(row[column] for column in columns), {})
        times, cycles = of_key.setdefault(int(row.get("process") or 0), ([], []))  # older runs had one process
        times.append(float(row["seconds"]) / float(row["calls"]))
        cycles.append(int(row["cycle"]) if row.get("cycle") else None)
    return Levels(
        columns,
        {
            key: {process: Level(*samples) for process, samples in sorted(of_key.items())}
            for key, of_key in found.items()
        },
    )


def _columns(samples: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(takewhile(lambda column: column not in OF_THE_SAMPLE, samples[0])) if samples else ()
