"""Which curves of a sweep are compared with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from experiments.job_result import SEEDS, JobResult
from experiments.matmul.crossover import Crossover, crossovers
from experiments.matmul.curves import Sizes, TimeCurve, common_sizes, curve_of
from experiments.matmul.growth import Growth, growth
from experiments.matmul.product import SHAPES
from experiments.reporting.figures import COLORS

NAMED = 6
"""Where there are more curves than colors, this many of the fastest have one, and a name."""

SHAPE = "experiment.shape"

MOST_IN_PAIRS = 20
"""A group of more curves is compared with its baseline only: a thousand curves have half a million pairs."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The jobs of a sweep, their curves, and what pairs of curves say about each other."""

    members: Sequence[JobResult]

    @cached_property
    def curves(self) -> list[TimeCurve]:
        return [curve for job in self.members if (curve := curve_of(job))]

    @cached_property
    def growths(self) -> list[Growth]:
        return [growth(curve) for curve in self.curves]

    @cached_property
    def questions(self) -> dict[str, list[list[TimeCurve]]]:
        """Each swept key whose values are to be compared, with the groups of curves that differ in it alone.

        Where devices differ, the device is the only question. Otherwise every key that differs is one; the shape comes
        last, as different products are no alternatives to each other. Seeds are no question: they make replicates.
        """
        swept = {key for curve in self.curves for key in curve.job.swept}
        differing = [key for key in swept - set(SEEDS) if len({curve.job.swept.get(key) for curve in self.curves}) > 1]
        devices = [key for key in differing if key == "device" or key.startswith("device.")]
        if devices:
            return {"device": self._groups(devices)}
        return {key: self._groups([key]) for key in sorted(differing, key=lambda key: (key == SHAPE, key))}

    @cached_property
    def groups(self) -> list[list[TimeCurve]]:
        """The groups of the first question; the first curve of each is its baseline."""
        return next(iter(self.questions.values()), [[curve] for curve in self.curves])

    @cached_property
    def crossovers(self) -> dict[tuple[TimeCurve, TimeCurve], Crossover]:
        """The crossover of every pair in a group; in a large group, only of every curve with the baseline."""
        groups = (group for groups in self.questions.values() for group in groups)
        pairs = list(dict.fromkeys(pair for group in groups for pair in _pairs(group)))
        return dict(zip(pairs, crossovers(pairs), strict=True))

    @cached_property
    def against_baseline(self) -> dict[TimeCurve, Crossover]:
        """The crossover of each curve with the baseline of its group, for those that have a size in common with it."""
        pairs = [(group[0], other) for group in self.groups for other in group[1:]]
        return {pair[1]: self.crossovers[pair] for pair in pairs if len(self.crossovers[pair].leads.at)}

    @cached_property
    def common(self) -> Sizes:
        """The sizes that all curves have."""
        return common_sizes(self.curves)

    @cached_property
    def named(self) -> list[TimeCurve]:
        """The curves that figures name: all, or the fastest of many.

        The fastest are those at the largest common size; without a common size, each is taken at its own largest.
        """
        if len(self.curves) <= len(COLORS):
            return self.curves

        def seconds_at_the_end(curve: TimeCurve) -> float:
            sizes = self.common if len(self.common) else curve.n
            return float(curve.at(sizes[-1:]).seconds[0])

        return sorted(self.curves, key=seconds_at_the_end)[:NAMED]

    @property
    def product(self) -> str:
        """The notation of the product, such as ``[n,n] x [n,n]``, where all jobs have the same."""
        shapes = {str(job.config.get(SHAPE)) for job in self.members}
        return SHAPES[shapes.pop()][0] if len(shapes) == 1 and shapes <= SHAPES.keys() else "matrix product"

    def _groups(self, but: Sequence[str]) -> list[list[TimeCurve]]:
        """Groups of curves that differ in the keys ``but`` alone; CPUs come first, the others in the sweep's order."""
        found: dict[Any, list[TimeCurve]] = {}
        for curve in self.curves:
            found.setdefault(curve.job.varies(but), []).append(curve)
        return [sorted(group, key=lambda curve: not curve.device.startswith("CPU")) for group in found.values()]


def _pairs(group: Sequence[TimeCurve]) -> Iterator[tuple[TimeCurve, TimeCurve]]:
    if len(group) <= MOST_IN_PAIRS:
        return combinations(group, 2)
    return ((group[0], other) for other in group[1:])
