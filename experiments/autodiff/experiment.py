"""The experiment ``autodiff``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import numpy as np

from experiments.autodiff.answer import AutodiffAnswer, Result
from experiments.autodiff.arithmetic import shape_of
from experiments.autodiff.derivative import (
    GRADIENT,
    HVP,
    JACOBIAN,
    KINDS,
    Array,
    Derivative,
    entry_count,
)
from experiments.autodiff.differentiate import METHODS
from experiments.autodiff.execution_paths import ExecutionPath, compute, every_path, new_call
from experiments.autodiff.expression import Expression, InvalidExpression
from experiments.autodiff.functions import CONSTANTS
from experiments.autodiff.grammar import parse
from experiments.autodiff.graph import draw
from experiments.autodiff.held import along_held, as_held, beyond
from experiments.autodiff.lost_steps import first_lost_step
from experiments.autodiff.plots import step_figure, tangent_figure
from experiments.autodiff.point import INTEGERS, as_array, exact_numbers
from experiments.autodiff.truth import SAFETY, Reference, Truth
from experiments.experiment import Experiment, Tolerance
from experiments.recorder import Recorder
from experiments.runtime.device import current, scope
from experiments.runtime.modes import MODES, SIGNIFICAND_BITS
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import InvalidField, require_choice, require_seed

TEXTBOOK = "a*w**2 + b*w + c"
TEXTBOOK_POINT = {"a": 1, "b": 2, "c": 3, "w": 4}
TEXTBOOK_WRT = ["w"]
"""The default question: y = a w^2 + b w + c at (1, 2, 3, 4), where dy/dw = 2 a w + b = 10."""

HIGHEST_ORDER = 5

MOST_ENTRIES = 2000

MOST_IN_ALL_MODES = 64
"""Derivatives with up to this many entries are computed in every mode."""

MOST_TO_COMPILE, MOST_OPERATIONS = 1_500, 10_000
"""Derivatives of up to so many operations are traced and drawn, and computed at all."""


@dataclass
class Autodiff(Experiment):
    """The derivative of an expression at a point: TensorFlow's, checked against the truth."""

    name: ClassVar[str] = "autodiff"
    version: ClassVar[int] = 3
    named_after: ClassVar[tuple[str, ...]] = ("expression",)
    imports: ClassVar[tuple[str, ...]] = ("sympy", "mpmath", "scipy.differentiate", "graphviz")

    expression: str = TEXTBOOK
    at: dict[str, Any] = field(default_factory=dict)
    wrt: list[str] = field(default_factory=list)
    derivative: str = GRADIENT
    order: int = 1
    direction: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    method: str = "reverse"
    mode: str = "eager"
    all_ways: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice(self, "derivative", KINDS)
        require_choice(self, "dtype", (*SIGNIFICAND_BITS, *INTEGERS))
        require_choice(self, "method", METHODS)
        require_choice(self, "mode", MODES)
        require_seed(self)
        if not 1 <= self.order <= HIGHEST_ORDER:
            raise InvalidField(self, "order", f"{self.order} is not an order; there are 1 to {HIGHEST_ORDER}")
        self._parsed()
        self._require_sensible()

    def run(self, recorder: Recorder) -> None:
        expression, values = self._parsed(), self._values()
        derivative = self._asked()
        blocks = derivative.blocks(values, shape_of(expression, values))
        first = ExecutionPath(self.method, self.mode, self.dtype)
        truths: dict[str, list[list[Truth]]] = {}
        lost_steps: dict[str, str] = {}
        answer = AutodiffAnswer(expression, values, derivative, blocks, first, current().actual)
        answer.numbers = self._numbers()
        paths = self._paths(first, expression, sum(len(block.entries) for block in blocks))
        answer.left_out = {
            path.dtype: why for path in paths if (why := beyond(expression, values, derivative, path.dtype))
        }
        paths = [path for path in paths if path.dtype not in answer.left_out]
        try:
            for number, path in enumerate(paths):
                recorder.progress("ways", number / len(paths), str(path))
                held, point = as_held(expression, values, path.dtype)
                along = along_held(derivative, path.dtype)
                key = _key(held, point, along)
                if key not in truths:
                    truths[key] = self._truths(held, point, along, recorder)
                if path.dtype not in lost_steps:
                    lost_steps[path.dtype] = first_lost_step(held, point, path.dtype)
                computed = compute(held, point, along, path)
                answer.results.append(Result(path, computed, truths[key], lost_steps[path.dtype]))
                if path == first:
                    _record_first(answer, recorder)
            recorder.progress("ways", 1.0, answer.summary())
        finally:
            _record(answer, recorder)
        recorder.measured()
        self._draw(answer, recorder)

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow :data:`SAFETY` units in the last place, as the check does.

        What the check allows beyond, for digits that a formula loses, repeats from run to run.
        """
        dtype = str(config.get("experiment.dtype"))
        rounding = SAFETY * 2.0 ** -SIGNIFICAND_BITS[dtype] if dtype in SIGNIFICAND_BITS else 0.0
        return {
            "value": Tolerance(relative=rounding),
            "derivative/*": Tolerance(relative=rounding),
            "error/*": Tolerance(absolute=rounding),  # the error is a share of the truth
            "exact/*": Tolerance(relative=SAFETY * 2.0 ** -SIGNIFICAND_BITS["float64"]),
            "check/findings": Tolerance(),
        }

    def _paths(self, first: ExecutionPath, expression: Expression, entries: int) -> list[ExecutionPath]:
        """The paths to compute; a large derivative in one mode only, as tracing and compiling it takes seconds."""
        if not self.all_ways:
            return [first]
        is_small = entries <= MOST_IN_ALL_MODES and self._operations(expression) <= MOST_TO_COMPILE
        return every_path(first, MODES if is_small else (self.mode,))

    def _operations(self, expression: Expression) -> int:
        """An estimate of the operations that nested tapes make of an expression."""
        return int(expression.nodes * 3**self.order)

    def _truths(
        self,
        expression: Expression,
        point: Mapping[str, Array],
        derivative: Derivative,
        recorder: Recorder,
    ) -> list[list[Truth]]:
        blocks = derivative.blocks(point, shape_of(expression, point))
        entries = sum(len(block.entries) for block in blocks)
        order = max((len(entry.directions) for block in blocks for entry in block.entries), default=1)
        reference = Reference(expression, point, order, entries)
        found: list[list[Truth]] = []
        for number, block in enumerate(blocks):
            recorder.progress("truth", number / len(blocks), derivative.symbol(block.name))
            found.append([reference.of(entry) for entry in block.entries])
        recorder.progress("truth", 1.0, f"{entries} {'entry' if entries == 1 else 'entries'}")
        return found

    def _draw(self, answer: AutodiffAnswer, recorder: Recorder) -> None:
        first = answer.results[0]
        recorder.figure("step_size", partial(step_figure, answer))
        recorder.figure("tangent", partial(tangent_figure, answer))
        if first.path.is_integer or first.computed.problem:
            return
        if (operations := self._operations(answer.expression)) > MOST_TO_COMPILE:
            why = (
                f"No graph is drawn: about {operations:,} operations, and more than {MOST_TO_COMPILE:,} are not traced."
            )
            recorder.note(f"{answer.note()}\n\n{why}")
            return
        recorder.figure("graph", partial(self._record_graph, answer, recorder))

    def _record_graph(self, answer: AutodiffAnswer, recorder: Recorder) -> None:
        """Record the computational graph in each format. Graphviz draws it, so there is no figure of Matplotlib."""
        tf = import_tensorflow()
        names = list(answer.values)
        graph_path = ExecutionPath(self.method, "eager", self.dtype)  # what is traced is the plain function
        with scope():
            operands = [tf.constant(value, dtype=self.dtype) for value in answer.values.values()]
            results = ["y", *(answer.derivative.symbol(block.name) for block in answer.blocks)]
            call = new_call(answer.expression, names, answer.derivative, graph_path)
            drawing = draw(call, operands, names, answer.expression.text, results)
        for path, content in drawing.files.items():
            recorder.file(path, content)
        recorder.metric("graph/operations", drawing.nodes)
        recorder.metric("graph/optimised_operations", drawing.optimised_nodes)
        recorder.note(answer.note(drawing))

    def _parsed(self) -> Expression:
        """The expression; pi and e are constants in it, unless ``at`` or ``wrt`` names them."""
        try:
            parsed = parse(self.expression)
        except InvalidExpression as error:
            raise InvalidField(self, "expression", str(error)) from None
        return parsed.with_constants(
            {name: value for name, value in CONSTANTS.items() if name not in self.at and name not in self.wrt}
        )

    def _numbers(self) -> list[Fraction]:
        """All numbers of the question, as they were written."""
        constants = [one.value for one in self._parsed().constants if one.text not in CONSTANTS]
        point = [self.at.get(name, TEXTBOOK_POINT.get(name)) for name in self._values()]
        return [*constants, *exact_numbers([*point, *self.direction.values()])]

    def _is_textbook(self) -> bool:
        return self.expression.strip() == TEXTBOOK

    def _values(self) -> dict[str, Array]:
        """The values of the variables in the expression and in ``wrt``."""
        given = {**(TEXTBOOK_POINT if self._is_textbook() else {}), **self.at}
        names = dict.fromkeys([*self._parsed().variables, *self.wrt])
        return {name: self._array("at", name, given) for name in names}

    def _array(self, owner: str, name: str, given: Mapping[str, Any]) -> Array:
        if name not in given:
            raise InvalidField(
                self, owner, f"there is no value for {name}; add it, such as experiment.{owner}.{name}=1"
            )
        try:
            return as_array(given[name])
        except ValueError as error:
            raise InvalidField(self, owner, f"the value of {name} {error}") from None

    def _wrt(self) -> tuple[str, ...]:
        if self.wrt:
            return tuple(dict.fromkeys(self.wrt))
        return tuple(TEXTBOOK_WRT if self._is_textbook() else self._parsed().variables)

    def _asked(self) -> Derivative:
        values, wrt = self._values(), self._wrt()
        direction = {
            name: self._array("direction", name, self.direction) if self.direction else np.ones(values[name].shape)
            for name in (wrt if self.derivative == HVP else ())
        }
        return Derivative(self.derivative, self.order, wrt, direction)

    def _require_sensible(self) -> None:
        """Raises InvalidField where names, shapes and the kind of derivative do not fit together."""
        values, wrt = self._values(), self._wrt()
        if self._is_textbook() and (unknown := [name for name in self.at if name not in values]):
            raise InvalidField(self, "at", f"the expression has no {unknown[0]}; there are {', '.join(values)}")
        if not wrt:
            raise InvalidField(self, "wrt", "the expression has no variable; give one to differentiate by")
        shape = self._shape(values)
        try:
            as_held(self._parsed(), values, self.dtype)
            along_held(self._asked(), self.dtype)
        except OverflowError as error:
            raise InvalidField(self, "dtype", f"{error}; choose another, such as experiment.dtype=float64") from None
        if self._operations(self._parsed()) > MOST_OPERATIONS:
            raise InvalidField(
                self,
                "order",
                f"{self.order} takes TensorFlow minutes for an expression of {self._parsed().nodes} parts; lower it",
            )
        if self.derivative != JACOBIAN and shape:
            raise InvalidField(
                self,
                "derivative",
                f"the value has the shape {list(shape)}, and a {self.derivative} is that of one "
                "number (TensorFlow would add them up without a word); use sum(...), or experiment.derivative=jacobian",
            )
        if self.order > 1 and self.derivative != GRADIENT:
            raise InvalidField(self, "order", f"belongs to experiment.derivative=gradient, not to {self.derivative}")
        if self.order > 1 and (arrays := [name for name in wrt if values[name].ndim]):
            raise InvalidField(
                self,
                "order",
                f"{arrays[0]} is not a single number; its second derivatives are "
                "experiment.derivative=hessian, with experiment.order=1",
            )
        entries = entry_count(self.derivative, [values[name].size for name in wrt], math.prod(shape))
        if entries > MOST_ENTRIES:
            raise InvalidField(self, "derivative", f"has {entries} entries here; {MOST_ENTRIES} can be checked at most")
        for name, along in self._asked().direction.items():
            if along.shape != values[name].shape:
                raise InvalidField(
                    self, "direction", f"{name} has the shape {list(along.shape)}, its value {list(values[name].shape)}"
                )

    def _shape(self, values: Mapping[str, Array]) -> tuple[int, ...]:
        try:
            return shape_of(self._parsed(), values)
        except InvalidExpression as error:
            raise InvalidField(self, "expression", str(error)) from None


def _key(expression: Expression, point: Mapping[str, Array], derivative: Derivative) -> str:
    """A key that is the same for dtypes that hold the same numbers."""
    constants = [constant.value for constant in expression.constants]
    numbers = [{name: value.tolist() for name, value in given.items()} for given in (point, derivative.direction)]
    return repr([constants, numbers])


def _record_first(answer: AutodiffAnswer, recorder: Recorder) -> None:
    """Record the numbers of the execution path that was asked for."""
    result = answer.results[0]
    for step, value in enumerate(result.computed.value if result.computed.value is not None else []):
        _metric(recorder, "value", value, step)
    for block, checked in zip(answer.blocks, answer.checked(result), strict=True):
        for step, one in enumerate(checked):
            _metric(recorder, f"derivative/{block.name}", one.found, step)
            _metric(recorder, f"exact/{block.name}", one.truth.value, step)
            _metric(recorder, f"error/{block.name}", one.error, step)


def _metric(recorder: Recorder, name: str, value: Any, step: int) -> None:
    if value is not None and math.isfinite(value):
        recorder.metric(name, float(value), step=step)


def _record(answer: AutodiffAnswer, recorder: Recorder) -> None:
    if not answer.results:
        return
    recorder.table("results", answer.rows())
    recorder.table("truth", answer.truth_rows())
    recorder.metric("check/findings", len(answer.findings()))
    if math.isfinite(largest := answer.largest_error()):
        recorder.metric("check/largest_error", largest)
    recorder.note(answer.note())
