"""Measuring a workload's function and gradient at many sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiments.gradient_cost.operations import FUNCTION, GRADIENT, HESSIAN, operations
from experiments.gradient_cost.settings import GradientCostSettings
from experiments.gradient_cost.verification import error, hessian_error, require_correct, tolerance
from experiments.measure import Measurement, Turns, new_sampler
from experiments.measure.ratio import Ratio, ratio_of
from experiments.recorder import Cell
from experiments.runtime.device import current
from experiments.runtime.modes import BYTES, tf32_in_use
from experiments.series.measuring import SizeSeries

CHECK_BYTES = 16
"""Bytes of a number in complex128, in which the check computes: more than any dtype takes that is measured."""


@dataclass(frozen=True)
class GradientCostPoint:
    """One size: the times of its operations, and the errors of the derivatives."""

    size: int
    parameters: int
    """The number of variables that the function is differentiated by."""
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
    """A size that is being measured; keeps its operands on the device."""

    def __init__(self, settings: GradientCostSettings, size: int, checked: Mapping[str, Any]) -> None:
        """Check the first results, unless ``checked`` knows of them.

        Raises Refused where the gradient is wrong or was computed on another device.
        """
        workload, seed = settings.workload, settings.seed
        allowed = tolerance(workload, settings.dtype, size, tf32_in_use())
        operands = workload.operands(size, settings.dtype, seed)
        calls = operations(workload, len(operands.parameters), settings.mode)
        self.size = size
        self.parameters = sum(int(parameter.shape.num_elements()) for parameter in operands.parameters)
        samplers = {name: new_sampler(call, operands.all, settings.timing) for name, call in calls.items()}
        results = {name: sampler.first_call() for name, sampler in samplers.items()}
        self.error: float = checked["error"] if checked else error(workload, operands, results[GRADIENT], seed)
        require_correct(self.error, allowed)
        for slope in results[GRADIENT]:
            current().require(slope)
        self.device = results[GRADIENT][0].device
        self.hessian_error: float | None = checked.get("hessian_error")
        if HESSIAN in results and not checked:
            self.hessian_error = hessian_error(workload, operands, results[HESSIAN][1])
            require_correct(self.hessian_error, allowed, "Hessian's diagonal")
        self.turns = Turns(samplers, f"{seed} {size}")

    @property
    def point(self) -> GradientCostPoint | None:
        """The point as far as it is measured; None until every call has a sample."""
        measurements = self.turns.measurements
        if not measurements:
            return None
        return GradientCostPoint(self.size, self.parameters, self.device, self.error, self.hessian_error, measurements)


class GradientCostSeries(SizeSeries[GradientCostPoint]):
    """The workload at all of its sizes."""

    def __init__(self, settings: GradientCostSettings) -> None:
        super().__init__(settings.workload.sizes, settings.timing, settings.seed)
        self.settings = settings

    def bytes_needed(self, key: int) -> int:
        return self.settings.workload.elements(key) * BYTES[self.settings.dtype]

    def bytes_on_host(self, key: int) -> int:
        return 0 if self.checked(key) else self.settings.workload.elements(key) * CHECK_BYTES

    def begin(self, key: int) -> GradientCostPointInProgress:
        return GradientCostPointInProgress(self.settings, key, self.checked(key))

    def facts(self, point: GradientCostPoint) -> Mapping[str, Cell]:
        return {
            "parameters": point.parameters,
            "device": point.device,
            "error": point.error,
            "hessian_error": point.hessian_error,
        }

    def restored(
        self, key: int, facts: Mapping[str, Any], measurements: Mapping[str, Measurement]
    ) -> GradientCostPoint:
        return GradientCostPoint(key, **facts, measurements=measurements)
