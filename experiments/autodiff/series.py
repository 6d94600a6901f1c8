"""The derivative on each execution path, and the truth at the point as that path's dtype holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from experiments.autodiff.arithmetic import shape_of
from experiments.autodiff.derivative import Array, Derivative
from experiments.autodiff.execution_paths import Computed, ExecutionPath, compute
from experiments.autodiff.expression import Expression
from experiments.autodiff.held import along_held, as_held, beyond
from experiments.autodiff.lost_steps import first_lost_step
from experiments.autodiff.settings import AutodiffSettings
from experiments.autodiff.truth import Reference, Truth

Say = Callable[[str, float, str], None]
"""Takes a task, how far it is from 0 to 1, and what is done."""


@dataclass(frozen=True)
class Result:
    """What TensorFlow computed on one execution path, and the truth at the point as that path's dtype holds it."""

    path: ExecutionPath
    computed: Computed
    truths: list[list[Truth]]
    lost_step: str = ""
    """The first step of the evaluation that the dtype cannot hold, in words; empty where it holds all."""


class AutodiffSeries:
    """The execution paths of one question; dtypes that hold the same numbers share a truth."""

    def __init__(self, settings: AutodiffSettings) -> None:
        self._expression, self._values, self._derivative = settings.parsed, settings.values, settings.asked
        self.left_out: dict[str, str] = {
            path.dtype: why
            for path in settings.paths
            if (why := beyond(self._expression, self._values, self._derivative, path.dtype))
        }
        """The dtypes that TensorFlow is not asked in, with the reason."""
        self._paths = [path for path in settings.paths if path.dtype not in self.left_out]
        self._truths = dict[str, list[list[Truth]]]()
        self._lost_steps = dict[str, str]()

    def measure(self, say: Say) -> Iterator[Result]:
        """Compute the derivative on each path, that which is asked for first."""
        for number, path in enumerate(self._paths):
            say("ways", number / len(self._paths), str(path))
            yield self._result(path, say)

    def _result(self, path: ExecutionPath, say: Say) -> Result:
        held, point = as_held(self._expression, self._values, path.dtype)
        along = along_held(self._derivative, path.dtype)
        key = _key(held, point, along)
        if key not in self._truths:
            self._truths[key] = _truths(held, point, along, say)
        if path.dtype not in self._lost_steps:
            self._lost_steps[path.dtype] = first_lost_step(held, point, path.dtype)
        computed = compute(held, point, along, path)
        return Result(path, computed, self._truths[key], self._lost_steps[path.dtype])


def _truths(expression: Expression, point: Mapping[str, Array], derivative: Derivative, say: Say) -> list[list[Truth]]:
    """The truth about each entry, one list a block."""
    blocks = derivative.blocks(point, shape_of(expression, point))
    entries = sum(len(block.entries) for block in blocks)
    order = max((len(entry.directions) for block in blocks for entry in block.entries), default=1)
    reference = Reference(expression, point, order, entries)
    found: list[list[Truth]] = []
    for number, block in enumerate(blocks):
        say("truth", number / len(blocks), derivative.symbol(block.name))
        found.append([reference.of(entry) for entry in block.entries])
    say("truth", 1.0, f"{entries} {'entry' if entries == 1 else 'entries'}")
    return found


def _key(expression: Expression, point: Mapping[str, Array], derivative: Derivative) -> str:
    """A key that is the same for dtypes that hold the same numbers."""
    constants = [constant.value for constant in expression.constants]
    numbers = [{name: value.tolist() for name, value in given.items()} for given in (point, derivative.direction)]
    return repr([constants, numbers])
