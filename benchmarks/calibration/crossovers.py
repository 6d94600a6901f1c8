"""Crossovers of which the truth is planted: how often their intervals hold it, and how wide they are."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from benchmarks.calibration.jobs import Call, Processes, in_turns
from experiments.job_result import JobResult
from experiments.matmul.crossover import CROSSOVER, Crossover
from experiments.matmul.pairing import Comparison
from experiments.matmul.refinement import further_sizes
from experiments.measure import Timing
from experiments.measure.level import Level

GRID = (16, 64, 256)
LOWEST, HIGHEST = 24, 110
"""The range in which a crossover is planted."""

GROWTH = 0.5
"""The second job does (n / crossover)^0.5 times the work: as bfloat16 and float32 differ on the machine at hand."""

MOST_ROUNDS = 12

NAMES = ("plain", "planted")


@dataclass(frozen=True)
class Trial:
    """A planted crossover and what was found."""

    truth: float
    found: Crossover
    sizes: int
    """How many sizes were measured beyond the grid."""

    @property
    def is_held(self) -> bool:
        low, high = self.found.interval
        return low <= self.truth <= high

    @property
    def width(self) -> float:
        """The ratio of the interval's ends."""
        low, high = self.found.interval
        return high / low


def trial() -> Trial:
    """Plant a crossover, measure the grid, and refine it as a sweep does."""
    truth = LOWEST * (HIGHEST / LOWEST) ** random.random()
    found = [dict[int, list[Level]]() for _ in NAMES]
    _add(found, truth, GRID)
    for sizes in takewhile(bool, _rounds(found)):
        _add(found, truth, sizes)
    (crossover,) = Comparison(_results(found)).crossovers.values()
    return Trial(truth, crossover, len(found[0]) - len(GRID))


def row(trials: Sequence[Trial]) -> dict[str, str]:
    """The trials as a row of a table; an interval counts where there is one."""
    having = [one for one in trials if one.found.outcome == CROSSOVER]
    widths = [one.width - 1 for one in having]
    return {
        "planted crossovers": str(len(trials)),
        "found": str(len(having)),
        "intervals that hold it": str(sum(one.is_held for one in having)),
        "width of the interval, median": f"{statistics.median(widths):.1%}" if having else "-",
        "widest": f"{max(widths):.1%}" if having else "-",
        "further sizes, median": f"{statistics.median(one.sizes for one in trials):g}",
    }


def _rounds(found: Sequence[Mapping[int, Sequence[Level]]]) -> Iterator[Sequence[int]]:
    for _ in range(MOST_ROUNDS):
        yield further_sizes(_results(found)).get(0, ())


def _add(found: Sequence[dict[int, list[Level]]], truth: float, sizes: Sequence[int]) -> None:
    plain = [Call("square", n) for n in sizes]
    planted = [Call("square", n, (n / truth) ** GROWTH - 1) for n in sizes]
    for job, processes in zip(found, in_turns([plain, planted]), strict=True):
        job.update(_levels(processes))


def _levels(processes: Processes) -> dict[int, list[Level]]:
    return {n: [process[shape, n].median for process in processes] for shape, n in processes[0]}


def _results(found: Sequence[Mapping[int, Sequence[Level]]]) -> list[JobResult]:
    return [_result(name, levels) for name, levels in zip(NAMES, found, strict=True)]


def _result(name: str, levels: Mapping[int, Sequence[Level]]) -> JobResult:
    """A job as a sweep reads it from the store: its tables are text."""
    tables: dict[str, list[dict[str, Any]]] = {
        "results": [
            {"n": n, "status": "measured", "median_us": statistics.geometric_mean(own) * 1e6}
            for n, own in levels.items()
        ],
        "samples": [
            {"n": n, "process": process, "round": 0, "calls": 1, "seconds": seconds, "cycle": cycle}
            for n, own in levels.items()
            for process, level in enumerate(own)
            for seconds, cycle in zip(level.samples, level.cycles, strict=True)
        ],
    }
    swept = {"experiment.dtype": name}
    turns = [str(process) for process in range(Timing().processes)]
    return JobResult(name, "FINISHED", swept, swept, "CPU:0", {}, lambda table: tables.get(table, []), turns)
