"""Measuring many operators in turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

from experiments.experiment import Refused
from experiments.measure import Measurement, Sampler, Turns, new_sampler
from experiments.measure.ratio import Ratio, ratio_of
from experiments.operators.calls import BOTH, FORWARD, OperatorCalls, output_of
from experiments.operators.catalogue import OPERATORS
from experiments.operators.operator import Operator, Tensor
from experiments.operators.settings import OperatorsSettings
from experiments.operators.verification import (
    CHECK_BYTES,
    CHECK_COPIES,
    Errors,
    errors,
    require_correct,
    tolerance,
)
from experiments.recorder import Cell
from experiments.runtime.device import current
from experiments.runtime.modes import BYTES
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.runtime.transfer import OPERANDS_AND_RESULT, begin
from experiments.series.measuring import Series


@dataclass(frozen=True)
class OperatorPoint:
    """An operator with its times and errors."""

    operator: Operator
    shapes: str
    flops: int | None
    device: str
    errors: Errors
    tolerance: float
    """The relative error up to which output and gradients count as right."""
    measurements: Mapping[str, Measurement]

    @property
    def forward(self) -> Measurement:
        return self.measurements[FORWARD]

    @property
    def both(self) -> Measurement:
        """Forward and backward together."""
        return self.measurements[BOTH]

    @cached_property
    def ratio(self) -> Ratio:
        """The time of forward and backward together over that of forward."""
        return ratio_of(self.both, self.forward)

    @property
    def flops_per_s(self) -> float | None:
        """FLOP/s of the forward call; None for an operator whose FLOP are not counted."""
        return self.flops / self.forward.median if self.flops is not None else None


class OperatorPointInProgress:
    """An operator that is being measured; keeps its operands where they begin, on the device or on the host."""

    def __init__(self, settings: OperatorsSettings, operator: Operator, checked: Mapping[str, Any]) -> None:
        """Check the first results, unless ``checked`` knows of them.

        Raises Refused where they are wrong, on another device, or take too long.
        """
        size, dtype, seed = settings.size, settings.dtype, settings.seed
        self.operator, self.shapes = operator, operator.shapes(size)
        self.flops = operator.flops(size) if operator.flops else None
        real, operands, prepared = (
            operator.real(size),
            operator.tensors(size, dtype, seed),
            operator.prepare(size, dtype),
        )
        calls = OperatorCalls(settings.mode, settings.transfer, prepared.call, real, len(operands))
        begun = [begin(operand, settings.transfer) for operand in operands]
        forward = new_sampler(calls.timed_forward, (*begun, *prepared.state), settings.timing)
        output = output_of(forward.first_call())
        _require_bearable(forward, settings.longest_call)
        cotangent = _cotangent(output, seed)
        both = new_sampler(calls.timed_both, (cotangent, *begun, *prepared.state), settings.timing)
        result, slopes = both.first_call()
        _require_bearable(both, settings.longest_call)
        outputs = output, output_of(result)
        computed = outputs
        if settings.transfer == OPERANDS_AND_RESULT:
            computed = calls.outputs(cotangent, (*operands, *prepared.state))
        for tensor in computed:
            current().require(tensor)
        self.device = computed[0].device
        self.errors = (
            Errors(checked["output_error"], checked["gradient_error"])
            if checked
            else errors(operator, operands, real, outputs, slopes, cotangent, seed)
        )
        self.tolerance = tolerance(dtype)
        require_correct(self.errors, self.tolerance)
        self.turns = Turns({FORWARD: forward, BOTH: both}, f"{seed} {operator.name}")

    @property
    def point(self) -> OperatorPoint | None:
        """The point as far as it is measured; None until every call has a sample."""
        measurements = self.turns.measurements
        if not measurements:
            return None
        return OperatorPoint(
            self.operator, self.shapes, self.flops, self.device, self.errors, self.tolerance, measurements
        )


class OperatorsSeries(Series[str, OperatorPoint]):
    """The operators that the settings ask for, by name."""

    def __init__(self, settings: OperatorsSettings) -> None:
        super().__init__(settings.chosen, settings.timing, settings.seed)
        self.settings = settings

    def bytes_needed(self, key: str) -> int:
        held = OPERATORS[key].numbers(self.settings.size)
        return 2 * held * BYTES[self.settings.dtype]  # backward, a gradient beside each of them

    def bytes_on_host(self, key: str) -> int:
        numbers = 0 if self.checked(key) else OPERATORS[key].numbers(self.settings.size)
        return numbers * CHECK_COPIES * CHECK_BYTES

    def begin(self, key: str) -> OperatorPointInProgress:
        return OperatorPointInProgress(self.settings, OPERATORS[key], self.checked(key))

    def facts(self, point: OperatorPoint) -> Mapping[str, Cell]:
        return {
            "shapes": point.shapes,
            "flops": point.flops,
            "device": point.device,
            "output_error": point.errors.output,
            "gradient_error": point.errors.gradient,
            "tolerance": point.tolerance,
        }

    def restored(self, key: str, facts: Mapping[str, Any], measurements: Mapping[str, Measurement]) -> OperatorPoint:
        return OperatorPoint(
            OPERATORS[key],
            facts["shapes"],
            facts["flops"],
            facts["device"],
            Errors(facts["output_error"], facts["gradient_error"]),
            facts["tolerance"],
            measurements,
        )

    def own_problems(self) -> tuple[type[Exception], ...]:
        """Return what TensorFlow raises where it has no kernel for a dtype, or none that works."""
        return import_tensorflow().errors.OpError, TypeError, ValueError


def _require_bearable(sampler: Sampler, longest_call: float) -> None:
    """Raise Refused where a call takes too long to be repeated dozens of times.

    A second call decides, because the first one may have compiled. Some float16 kernels for CPUs take a thousand
    times as long as those for float32.
    """
    if sampler.first_call_seconds <= longest_call:
        return
    start = perf_counter()
    sampler.function(*sampler.operands)
    import_tensorflow().test.experimental.sync_devices()
    seconds = perf_counter() - start
    if seconds > longest_call:
        raise Refused(f"one call takes {seconds:.3g} s, and longest_call is {longest_call:g} s")


def _cotangent(output: Tensor, seed: int) -> Tensor:
    """Return seeded normal values of the output's shape, to project the output on."""
    tf = import_tensorflow()
    normal = tf.random.stateless_normal(output.shape, [seed, 1], dtype="float64")
    return tf.cast(normal, output.dtype)
