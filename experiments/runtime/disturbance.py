"""What else happens on the machine while something is measured: other programs, other virtual machines, throttling."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from time import perf_counter, process_time

import psutil

from experiments.runtime.control_groups import own_groups

MUCH = 0.1
"""The share of the machine from which on a disturbance is worth a sentence."""

SHORTEST = 0.1
"""Seconds below which no share is known: the kernel's counters tick every 0.01 s."""

CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Disturbance:
    """What happened within some time on the cores that this process may use. Times are in seconds.

    ``capacity`` to ``stolen`` are CPU times, summed over these cores.
    """

    seconds: float = 0.0
    capacity: float = 0.0
    """The CPU time that there was: the seconds times the number of cores."""
    busy: float = 0.0
    """What all programs took of it."""
    own: float = 0.0
    """What this process, with all its threads, took of it."""
    stolen: float = 0.0
    """What the host gave to other virtual machines."""
    too_hot: float = 0.0
    """How often a processor was slowed down for its heat; NaN where the system does not count it."""
    over_quota: float = 0.0
    """How often a container's quota of CPU time was used up; NaN where the system does not count it."""

    def __add__(self, other: Disturbance) -> Disturbance:
        return Disturbance(*map(operator.add, astuple(self), astuple(other)))

    def __sub__(self, other: Disturbance) -> Disturbance:
        return Disturbance(*map(operator.sub, astuple(self), astuple(other)))

    @property
    def others_share(self) -> float:
        """The share of the cores that other programs took, from 0 to 1.

        NaN where it is not known: the time is too short, or the system does not count (as gVisor, where all processors
        seem to be idle while we compute).
        """
        counts = self.busy + SHORTEST >= self.own / 2  # the counters' ticks miss what takes no time
        return self._share(self.busy - self.own) if counts else math.nan

    @property
    def steal_share(self) -> float:
        """The share of the cores that other virtual machines took, from 0 to 1; NaN where the time is too short."""
        return self._share(self.stolen)

    @property
    def throttled(self) -> float:
        """How often this process was slowed down, for heat or for a quota; NaN where the system counts neither."""
        counted = [count for count in (self.too_hot, self.over_quota) if not math.isnan(count)]
        return sum(counted) if counted else math.nan

    def _share(self, seconds: float) -> float:
        return min(1.0, max(0.0, seconds / self.capacity)) if self.seconds >= SHORTEST else math.nan


def since_start(own: float | None = None) -> Disturbance:
    """Read the counters, which have run since some start: the difference of two readings is what happened in between.

    ``own`` is the CPU time to be taken for one's own, by default that of this process.
    """
    now, cores = perf_counter(), _usable_cores()
    if len(cores) == psutil.cpu_count():
        times = [psutil.cpu_times()]
    else:
        times = [one for number, one in enumerate(psutil.cpu_times(percpu=True)) if number in cores]
    return Disturbance(
        seconds=now,
        capacity=now * len(cores),
        busy=sum(one.user + one.system + getattr(one, "nice", 0.0) for one in times),
        own=process_time() if own is None else own,
        stolen=sum(getattr(one, "steal", 0.0) for one in times),
        too_hot=_total([_number(file.read_text()) for file in _heat_counters()]),
        over_quota=_total([_number(file.read_text(), "nr_throttled") for file in _quota_counters()]),
    )


@cache
def _usable_cores() -> frozenset[int]:
    """The numbers of the cores that this process may use: a container may have fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(psutil.cpu_count() or 1))


@cache
def _heat_counters() -> Sequence[Path]:
    """The counter of each processor package, which is as hot as its hottest core: one file, not one for each core."""
    by_package: dict[str, Path] = {}
    for core in sorted(_usable_cores()):
        folder = CPUS / f"cpu{core}"
        counter, package = folder / "thermal_throttle/package_throttle_count", folder / "topology/physical_package_id"
        if counter.exists() and package.exists():
            by_package.setdefault(package.read_text(), counter)
    return tuple(by_package.values())


@cache
def _quota_counters() -> Sequence[Path]:
    """The counters of all control groups that this process is in."""
    files = (group / "cpu.stat" for group in own_groups())
    return tuple(file for file in files if file.exists() and "nr_throttled" in file.read_text())


def _number(text: str, name: str = "") -> float:
    """Return the number in ``text``, or the one that follows ``name``."""
    words = text.split()
    return float(words[words.index(name) + 1 if name else 0])


def _total(counts: Sequence[float]) -> float:
    return sum(counts) if counts else math.nan
