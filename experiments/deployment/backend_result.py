"""The measurements of one backend, from all its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from experiments.deployment.arrivals import UnderLoad
from experiments.deployment.backends import ServingBackend
from experiments.deployment.estimate import Estimate
from experiments.deployment.load import Latency, Throughput
from experiments.reporting.ranking import most

Point = tuple[int, int]
"""Batch size and number of clients."""


@dataclass(frozen=True)
class ProcessResult:
    """What one process found."""

    startup_seconds: float
    """From the start of the process to the first answer."""
    latency: Latency
    throughput: Mapping[Point, Throughput]
    under_load: Mapping[int, UnderLoad] = field(default_factory=dict)
    """By the rate at which requests arrived, in requests a second."""


@dataclass(frozen=True)
class LoadResult:
    """The times of requests that arrived at one rate."""

    p50_ms: Estimate
    p99_ms: Estimate
    requests: int
    """In all processes."""
    unanswered: int


@dataclass
class BackendResult:
    """The measurements of one backend so far."""

    backend: type[ServingBackend]
    size_bytes: int
    difference: float
    """The largest absolute difference of any output from the original's."""
    quality: float | None
    """How well it answers the test set; None without labels."""
    remark: str = ""
    """See :meth:`experiments.deployment.backends.ServingBackend.remark`."""
    processes: dict[int, ProcessResult] = field(default_factory=dict)
    """What its processes found, by their rounds from 0; at least one."""
    failures: dict[int, str] = field(default_factory=dict)
    """Why a process of a later round found nothing, by its round."""

    @property
    def startup_seconds(self) -> Estimate:
        return Estimate({number: found.startup_seconds for number, found in self.processes.items()})

    @property
    def p50_ms(self) -> Estimate:
        return Estimate({number: found.latency.p50_ms for number, found in self.processes.items()})

    @property
    def p95_ms(self) -> Estimate:
        return Estimate({number: found.latency.p95_ms for number, found in self.processes.items()})

    @property
    def p99_ms(self) -> Estimate:
        return Estimate({number: found.latency.p99_ms for number, found in self.processes.items()})

    @property
    def calls(self) -> int:
        """The calls whose latency was measured, in all processes."""
        return sum(found.latency.calls for found in self.processes.values())

    @property
    def fewest_calls(self) -> int:
        """The calls of the process that had the fewest."""
        return min(found.latency.calls for found in self.processes.values())

    @property
    def throughput(self) -> dict[Point, Estimate]:
        """Examples a second at each point."""
        points = next(iter(self.processes.values())).throughput
        return {
            point: Estimate(
                {number: found.throughput[point].examples_per_s for number, found in self.processes.items()}
            )
            for point in points
        }

    @property
    def best_throughput(self) -> tuple[Point, Estimate]:
        """The point with the most examples a second, and how many they are."""
        return most(self.throughput.items(), lambda item: item[1].value)[0]

    @property
    def seconds_per_example(self) -> Estimate:
        """The time for an example at the point with the most examples a second."""
        _, rate = self.best_throughput
        return Estimate({number: 1 / found for number, found in rate.by_process.items()})

    @property
    def under_load(self) -> dict[int, LoadResult]:
        """The times under load at each rate; empty where it was not measured."""
        rates = next(iter(self.processes.values())).under_load
        return {rate: self._at(rate) for rate in rates}

    def _at(self, rate: int) -> LoadResult:
        found = {number: process.under_load[rate] for number, process in self.processes.items()}
        return LoadResult(
            Estimate({number: one.p50_ms for number, one in found.items()}),
            Estimate({number: one.p99_ms for number, one in found.items()}),
            sum(one.requests for one in found.values()),
            sum(one.unanswered for one in found.values()),
        )

    def samples(self) -> Iterator[tuple[int, str, int, float]]:
        """Yield the raw samples: round, what was timed, calls, and the seconds of all these calls together."""
        for number, found in self.processes.items():
            yield number, "start", 1, found.startup_seconds
            for seconds in found.latency.samples:
                yield number, "one example", 1, seconds
            for (batch, clients), rate in found.throughput.items():
                yield number, f"batch {batch}, clients {clients}", rate.calls, rate.seconds
