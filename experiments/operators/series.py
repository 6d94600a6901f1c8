"""Measuring many operators in turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

from experiments.device import current
from experiments.experiment import Refused
from experiments.measure import Measurement, Sampler, Turns, new_sampler, visiting_order
from experiments.measure.ratio import Ratio, ratio_of
from experiments.memory import free_bytes
from experiments.operators.calls import BOTH, FORWARD, forward_and_backward, in_mode, output_of
from experiments.operators.catalogue import OPERATORS
from experiments.operators.operator import Operator, Tensor
from experiments.operators.verification import (
    CHECK_BYTES,
    CHECK_COPIES,
    Errors,
    errors,
    require_correct,
    tolerance,
)
from experiments.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    from experiments.operators.experiment import Operators


@dataclass(frozen=True)
class Point:
    """An operator with its times."""

    operator: Operator
    shapes: str
    flops: int | None
    device: str
    errors: Errors
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
        """Of the forward call, where its operations are counted."""
        return self.flops / self.forward.median if self.flops is not None else None


class PointInProgress:
    """An operator that is being measured: holds the operands on the device."""

    def __init__(self, operators: Operators, operator: Operator) -> None:
        """Raises Refused where the output or the gradients are wrong, in the wrong place, or take too long."""
        size, dtype, seed = operators.size, operators.dtype, operators.seed
        self.operator, self.shapes = operator, operator.shapes(size)
        self.flops = operator.flops(size) if operator.flops else None
        real, operands, prepared = (
            operator.real(size),
            operator.tensors(size, dtype, seed),
            operator.prepare(size, dtype),
        )
        arguments = (*operands, *prepared.state)
        forward = new_sampler(in_mode(prepared.call, operators.mode), arguments, operators.timing)
        output = output_of(forward.first_call())
        _require_bearable(forward, operators.longest_call)
        cotangent = _cotangent(output, seed)
        both_call = in_mode(forward_and_backward(prepared.call, real), operators.mode)
        both = new_sampler(both_call, (cotangent, *arguments), operators.timing)
        result, slopes = both.first_call()
        _require_bearable(both, operators.longest_call)
        outputs = output, output_of(result)
        for tensor in outputs:
            current().require(tensor)
        self.device = output.device
        self.errors = errors(operator, operands, real, outputs, slopes, cotangent, seed)
        require_correct(self.errors, tolerance(dtype))
        self.turns = Turns({FORWARD: forward, BOTH: both}, f"{seed} {operator.name}")

    @property
    def point(self) -> Point | None:
        """What is measured so far; None until every call has a sample."""
        measurements = self.turns.measurements
        return (
            Point(self.operator, self.shapes, self.flops, self.device, self.errors, measurements)
            if measurements
            else None
        )


class Series:
    """All operators that were asked for, visited in turns."""

    def __init__(self, operators: Operators) -> None:
        self.operators = operators
        self.not_measured: dict[str, str] = {}
        """Why an operator has no point."""
        self._in_progress: dict[str, PointInProgress] = {}

    def visits(self) -> Iterator[tuple[str, Point | None]]:
        """Measures; yields the operator's name and what is known of it after each visit, None where it is given up.

        An operator that does not fit into memory, that TensorFlow does not have for this dtype, or whose result or
        time cannot be believed, is left out; the others go on.
        """
        timing = self.operators.timing
        for name in visiting_order(self.operators.chosen, timing.rounds, self.operators.seed):
            if name not in self.not_measured and not self.is_complete(name):
                yield name, self._visit(name)

    def is_complete(self, name: str) -> bool:
        return name in self._in_progress and self._in_progress[name].turns.finished

    def points(self) -> list[Point]:
        """What is known of every operator so far, complete or not."""
        return [point for in_progress in self._in_progress.values() if (point := in_progress.point)]

    def _visit(self, name: str) -> Point | None:
        problems = import_tensorflow().errors
        try:
            if name not in self._in_progress:
                self._require_memory(OPERATORS[name])
                self._in_progress[name] = PointInProgress(self.operators, OPERATORS[name])
            self._in_progress[name].turns.visit()
        except (problems.ResourceExhaustedError, MemoryError) as problem:
            self._give_up(name, f"out of memory: {_first_line(problem)}")
            return None
        except Refused as refused:
            self._give_up(name, str(refused))
            return None
        except (problems.OpError, TypeError, ValueError) as problem:  # a kernel that there is not for this dtype
            self._give_up(name, f"{type(problem).__name__}: {_first_line(problem)}")
            return None
        point = self._in_progress[name].point
        if self.is_complete(name):
            self._in_progress[name].turns.free()
        return point

    def _require_memory(self, operator: Operator) -> None:
        """Raises MemoryError where the check is not likely to fit: Linux would end the process."""
        free = free_bytes(current())
        needed = operator.numbers(self.operators.size) * CHECK_COPIES * CHECK_BYTES
        if free is not None and needed > free:
            raise MemoryError(f"about {needed / 1e9:.3g} GB are needed, {free / 1e9:.3g} GB are free")

    def _give_up(self, name: str, reason: str) -> None:
        self.not_measured[name] = reason
        self._in_progress.pop(name, None)


def _require_bearable(sampler: Sampler, longest_call: float) -> None:
    """Raises Refused where a call takes too long to be repeated dozens of times.

    The first call may have compiled, so that a second one tells. In float16 some kernels for CPUs take a thousand times
    as long as in float32.
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
    """What the output is projected on: seeded normal values, as large as the output."""
    tf = import_tensorflow()
    normal = tf.random.stateless_normal(output.shape, [seed, 1], dtype="float64")
    return tf.cast(normal, output.dtype)


def _first_line(problem: BaseException) -> str:
    words = str(problem).strip().splitlines()
    return words[0] if words else "no more is known"
