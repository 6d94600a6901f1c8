"""Measuring a workload's function and gradient at many sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from experiments.device import current
from experiments.experiment import Refused
from experiments.gradient_cost.operations import DTYPES, FUNCTION, GRADIENT, HESSIAN, operations
from experiments.gradient_cost.verification import error, hessian_error, require_correct, tolerance
from experiments.measure import Measurement, Turns, new_sampler, visiting_order
from experiments.measure.ratio import Ratio, ratio_of
from experiments.memory import free_bytes
from experiments.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    from experiments.gradient_cost.experiment import GradientCost

CHECK_BYTES = 16
"""A number in complex128: what the check computes with."""


@dataclass(frozen=True)
class Point:
    """One size: its operations' times, and how far the gradient is off."""

    size: int
    parameters: int
    """How many numbers it is differentiated by."""
    device: str
    error: float
    hessian_error: float | None
    measurements: Mapping[str, Measurement]

    @cached_property
    def ratio(self) -> Ratio:
        """The time of the gradient over that of the function."""
        return ratio_of(self.measurements[GRADIENT], self.measurements[FUNCTION])

    @cached_property
    def hessian_ratio(self) -> Ratio | None:
        """The time of gradient and Hessian's diagonal together over that of the function."""
        if HESSIAN not in self.measurements:
            return None
        return ratio_of(self.measurements[HESSIAN], self.measurements[FUNCTION])


class PointInProgress:
    """A size that is being measured: holds the operands on the device."""

    def __init__(self, cost: GradientCost, size: int) -> None:
        """Raises Refused where the gradient is wrong, or in the wrong place."""
        workload, allowed = cost.workload, tolerance(cost.workload, cost.dtype, size)
        operands = workload.operands(size, cost.dtype, cost.seed)
        calls = operations(workload, len(operands.parameters), cost.mode)
        self.size = size
        self.parameters = sum(int(parameter.shape.num_elements()) for parameter in operands.parameters)
        samplers = {name: new_sampler(call, operands.all, cost.timing) for name, call in calls.items()}
        results = {name: sampler.first_call() for name, sampler in samplers.items()}
        self.error = error(workload, operands, results[GRADIENT], cost.seed)
        require_correct(self.error, allowed)
        for slope in results[GRADIENT]:
            current().require(slope)
        self.device = results[GRADIENT][0].device
        self.hessian_error = None
        if HESSIAN in results:
            self.hessian_error = hessian_error(workload, operands, results[HESSIAN][1])
            require_correct(self.hessian_error, allowed, "Hessian's diagonal")
        self.turns = Turns(samplers, f"{cost.seed} {size}")

    @property
    def point(self) -> Point | None:
        """What is measured so far; None until every call has a sample."""
        measurements = self.turns.measurements
        return (
            Point(self.size, self.parameters, self.device, self.error, self.hessian_error, measurements)
            if measurements
            else None
        )


class Series:
    """All sizes of a workload, visited in turns."""

    def __init__(self, cost: GradientCost) -> None:
        self.cost = cost
        self.not_measured: dict[int, str] = {}
        """Why a size has no point."""
        self._in_progress: dict[int, PointInProgress] = {}

    def visits(self) -> Iterator[tuple[int, Point | None]]:
        """Measures; yields the size and what is known of it after each visit, None where it is given up.

        A size that does not fit into memory ends the series there: no larger one is tried. One whose gradient
        or time cannot be believed is left out.
        """
        timing = self.cost.timing
        for size in visiting_order(sorted(set(self.cost.workload.sizes)), timing.rounds, self.cost.seed):
            if size not in self.not_measured and not self.is_complete(size):
                yield size, self._visit(size)

    def is_complete(self, size: int) -> bool:
        return size in self._in_progress and self._in_progress[size].turns.finished

    def points(self) -> list[Point]:
        """What is known of every size so far, complete or not."""
        return [point for in_progress in self._in_progress.values() if (point := in_progress.point)]

    def _visit(self, size: int) -> Point | None:
        errors = import_tensorflow().errors
        try:
            if size not in self._in_progress:
                self._require_memory(size)
                self._in_progress[size] = PointInProgress(self.cost, size)
            self._in_progress[size].turns.visit()
        except (errors.ResourceExhaustedError, MemoryError) as problem:
            words = str(problem).splitlines()
            self._end_at(size, f"out of memory: {words[0]}" if words else "out of memory")
            return None
        except Refused as refused:
            self._give_up(size, str(refused))
            return None
        point = self._in_progress[size].point
        if self.is_complete(size):
            self._in_progress[size].turns.free()
        return point

    def _require_memory(self, size: int) -> None:
        """Raises MemoryError where the gradient and its check are not likely to fit: Linux would end the process."""
        free = free_bytes(current())
        needed = self.cost.workload.elements(size) * max(DTYPES[self.cost.dtype], CHECK_BYTES)
        if free is not None and needed > free:
            raise MemoryError(f"about {needed / 1e9:.3g} GB are needed, {free / 1e9:.3g} GB are free")

    def _end_at(self, size: int, reason: str) -> None:
        self._give_up(size, reason)
        for larger in self.cost.workload.sizes:
            if larger > size and not self.is_complete(larger):
                self._give_up(larger, f"larger than n={size}, which does not fit")

    def _give_up(self, size: int, reason: str) -> None:
        self.not_measured[size] = reason
        self._in_progress.pop(size, None)
