"""The fields of the experiment ``autodiff`` and their checks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import shape_of
from experiments.autodiff.derivative import (
    GRADIENT,
    HVP,
    JACOBIAN,
    KINDS,
    Array,
    Block,
    Derivative,
    entry_count,
)
from experiments.autodiff.differentiate import METHODS
from experiments.autodiff.execution_paths import ExecutionPath, every_path
from experiments.autodiff.expression import Expression, InvalidExpression
from experiments.autodiff.functions import CONSTANTS
from experiments.autodiff.grammar import parse
from experiments.autodiff.held import along_held, as_held
from experiments.autodiff.point import INTEGERS, as_array, exact_numbers
from experiments.runtime.modes import MODES, SIGNIFICAND_BITS
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
class AutodiffSettings:
    """Which derivative of which expression, at which point, and how TensorFlow is to compute it."""

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
        self._require_names()
        shape = self._shape()
        self._require_range()
        self._require_few_operations()
        self._require_one_number(shape)
        self._require_order()
        self._require_few_entries(shape)
        self._require_direction()

    @property
    def parsed(self) -> Expression:
        """The expression; pi and e are constants in it, unless ``at`` or ``wrt`` names them."""
        try:
            parsed = parse(self.expression)
        except InvalidExpression as error:
            raise InvalidField(self, "expression", str(error)) from None
        return parsed.with_constants(
            {name: value for name, value in CONSTANTS.items() if name not in self.at and name not in self.wrt}
        )

    @property
    def values(self) -> dict[str, Array]:
        """The values of the variables in the expression and in ``wrt``."""
        given = {**(TEXTBOOK_POINT if self._is_textbook else {}), **self.at}
        names = dict.fromkeys([*self.parsed.variables, *self.wrt])
        return {name: self._array("at", name, given) for name in names}

    @property
    def numbers(self) -> list[Fraction]:
        """All numbers of the question, as they were written."""
        constants = [one.value for one in self.parsed.constants if one.text not in CONSTANTS]
        point = [self.at.get(name, TEXTBOOK_POINT.get(name)) for name in self.values]
        return [*constants, *exact_numbers([*point, *self.direction.values()])]

    @property
    def asked(self) -> Derivative:
        """The derivative that is asked for."""
        values, wrt = self.values, self._wrt
        direction = {
            name: self._array("direction", name, self.direction) if self.direction else np.ones(values[name].shape)
            for name in (wrt if self.derivative == HVP else ())
        }
        return Derivative(self.derivative, self.order, wrt, direction)

    @property
    def blocks(self) -> list[Block]:
        """The blocks of the derivative that is asked for."""
        return self.asked.blocks(self.values, self._shape())

    @property
    def path(self) -> ExecutionPath:
        """The execution path that is asked for."""
        return ExecutionPath(self.method, self.mode, self.dtype)

    @property
    def paths(self) -> list[ExecutionPath]:
        """The paths to compute, that which is asked for first.

        A large derivative is computed in one mode only, as tracing and compiling it takes seconds.
        """
        if not self.all_ways:
            return [self.path]
        entries = sum(len(block.entries) for block in self.blocks)
        is_small = entries <= MOST_IN_ALL_MODES and self.operations <= MOST_TO_COMPILE
        return every_path(self.path, MODES if is_small else (self.mode,))

    @property
    def operations(self) -> int:
        """An estimate of the operations that nested tapes make of the expression."""
        return int(self.parsed.nodes * 3**self.order)

    @property
    def _is_textbook(self) -> bool:
        return self.expression.strip() == TEXTBOOK

    @property
    def _wrt(self) -> tuple[str, ...]:
        if self.wrt:
            return tuple(dict.fromkeys(self.wrt))
        return tuple(TEXTBOOK_WRT if self._is_textbook else self.parsed.variables)

    def _array(self, owner: str, name: str, given: Mapping[str, Any]) -> Array:
        if name not in given:
            raise InvalidField(
                self, owner, f"there is no value for {name}; add it, such as experiment.{owner}.{name}=1"
            )
        try:
            return as_array(given[name])
        except ValueError as error:
            raise InvalidField(self, owner, f"the value of {name} {error}") from None

    def _shape(self) -> tuple[int, ...]:
        """The shape of the expression's value. Raises InvalidField where the variables' shapes do not fit together."""
        try:
            return shape_of(self.parsed, self.values)
        except InvalidExpression as error:
            raise InvalidField(self, "expression", str(error)) from None

    def _require_names(self) -> None:
        """Raises InvalidField for a value of no variable, and where there is no variable to differentiate by."""
        values = self.values
        if self._is_textbook and (unknown := [name for name in self.at if name not in values]):
            raise InvalidField(self, "at", f"the expression has no {unknown[0]}; there are {', '.join(values)}")
        if not self._wrt:
            raise InvalidField(self, "wrt", "the expression has no variable; give one to differentiate by")

    def _require_range(self) -> None:
        """Raises InvalidField for a number that the dtype cannot hold."""
        try:
            as_held(self.parsed, self.values, self.dtype)
            along_held(self.asked, self.dtype)
        except OverflowError as error:
            raise InvalidField(self, "dtype", f"{error}; choose another, such as experiment.dtype=float64") from None

    def _require_few_operations(self) -> None:
        if self.operations > MOST_OPERATIONS:
            raise InvalidField(
                self,
                "order",
                f"{self.order} takes TensorFlow minutes for an expression of {self.parsed.nodes} parts; lower it",
            )

    def _require_one_number(self, shape: tuple[int, ...]) -> None:
        """Raises InvalidField where a value of several numbers meets a kind of derivative that is that of one."""
        if self.derivative != JACOBIAN and shape:
            raise InvalidField(
                self,
                "derivative",
                f"the value has the shape {list(shape)}, and a {self.derivative} is that of one "
                "number (TensorFlow would add them up without a word); use sum(...), or experiment.derivative=jacobian",
            )

    def _require_order(self) -> None:
        """Raises InvalidField for a higher order of anything but a gradient by single numbers."""
        if self.order == 1:
            return
        if self.derivative != GRADIENT:
            raise InvalidField(self, "order", f"belongs to experiment.derivative=gradient, not to {self.derivative}")
        values = self.values
        if arrays := [name for name in self._wrt if values[name].ndim]:
            raise InvalidField(
                self,
                "order",
                f"{arrays[0]} is not a single number; its second derivatives are "
                "experiment.derivative=hessian, with experiment.order=1",
            )

    def _require_few_entries(self, shape: tuple[int, ...]) -> None:
        values = self.values
        entries = entry_count(self.derivative, [values[name].size for name in self._wrt], math.prod(shape))
        if entries > MOST_ENTRIES:
            raise InvalidField(self, "derivative", f"has {entries} entries here; {MOST_ENTRIES} can be checked at most")

    def _require_direction(self) -> None:
        """Raises InvalidField where the vector of a Hessian-vector product does not have its variable's shape."""
        values = self.values
        for name, along in self.asked.direction.items():
            if along.shape != values[name].shape:
                raise InvalidField(
                    self, "direction", f"{name} has the shape {list(along.shape)}, its value {list(values[name].shape)}"
                )
