"""Measuring a workload's function and gradient at many sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from experiments.gradient_cost.operations import DTYPES, FUNCTION, GRADIENT, HESSIAN, operations
from experiments.gradient_cost.verification import error, hessian_error, require_correct, tolerance
from experiments.measure import Measurement, Turns, new_sampler
from experiments.measure.ratio import Ratio, ratio_of
from experiments.runtime.device import current
from experiments.series.measuring import SizeSeries

if TYPE_CHECKING:
    from experiments.gradient_cost.experiment import GradientCost

CHECK_BYTES = 16
"""A number in complex128: what the check computes with."""


@dataclass(frozen=True)
class GradientCostPoint:
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


class GradientCostPointInProgress:
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
    def point(self) -> GradientCostPoint | None:
        """What is measured so far; None until every call has a sample."""
        measurements = self.turns.measurements
        return (
            GradientCostPoint(self.size, self.parameters, self.device, self.error, self.hessian_error, measurements)
            if measurements
            else None
        )


class GradientCostSeries(SizeSeries[GradientCostPoint]):
    """All sizes of a workload."""

    def __init__(self, cost: GradientCost) -> None:
        super().__init__(cost.workload.sizes, cost.timing, cost.seed)
        self.cost = cost

    def bytes_needed(self, key: int) -> int:
        return self.cost.workload.elements(key) * max(DTYPES[self.cost.dtype], CHECK_BYTES)

    def begin(self, key: int) -> GradientCostPointInProgress:
        return GradientCostPointInProgress(self.cost, key)
