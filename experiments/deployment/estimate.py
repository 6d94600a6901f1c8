"""A number that several processes found, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.measure.between import geometric_mean, interval_between
from experiments.measure.verdict import TimeRatio, time_ratio


@dataclass(frozen=True)
class Estimate:
    """A positive number, as several processes found it."""

    by_process: Mapping[int, float]
    """What each process found, by its round."""

    @property
    def value(self) -> float:
        """The geometric mean of what the processes found."""
        return geometric_mean(list(self.by_process.values()))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval from the spread between the processes; NaN for a single one."""
        return interval_between(list(self.by_process.values()))

    def over(self, other: Estimate) -> TimeRatio | None:
        """Return the ratio to another estimate, from processes of the same round; None for fewer than two pairs."""
        common = [number for number in self.by_process if number in other.by_process]
        if len(common) < 2:
            return None
        ours, theirs = ([one.by_process[number] for number in common] for one in (self, other))
        return time_ratio(ours, theirs)
