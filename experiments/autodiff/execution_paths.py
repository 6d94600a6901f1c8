"""The execution paths by which TensorFlow can compute one derivative: method, mode and dtype."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import in_tensorflow
from experiments.autodiff.derivative import Array, Derivative
from experiments.autodiff.differentiate import METHODS, differentiate
from experiments.autodiff.expression import Expression
from experiments.autodiff.point import INTEGERS
from experiments.reporting.text import first_line
from experiments.runtime.device import current, scope
from experiments.runtime.modes import MODES, in_mode
from experiments.runtime.tensorflow_import import import_tensorflow


@dataclass(frozen=True)
class ExecutionPath:
    """Which of TensorFlow's code computes a derivative: the method of differentiation, the mode and the dtype."""

    method: str
    mode: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.method}, {self.mode}, {self.dtype}"

    @property
    def is_integer(self) -> bool:
        return self.dtype in INTEGERS


def every_path(first: ExecutionPath, modes: Sequence[str] = MODES) -> list[ExecutionPath]:
    """``first``, then every other method and mode, in its dtype and in float32 and float64."""
    dtypes = dict.fromkeys([first.dtype, "float32", "float64"])
    everything = (ExecutionPath(*path) for path in itertools.product(METHODS, modes, dtypes))
    return [first, *(path for path in everything if path != first)]


@dataclass(frozen=True)
class Computed:
    """What TensorFlow computed for a derivative on one execution path."""

    value: Array | None
    blocks: list[Array | None]
    """The derivative's blocks in their order, each flat; None where TensorFlow returned None."""
    problem: str = ""
    """Why there is no value; empty where there is one."""


def compute(
    expression: Expression, values: Mapping[str, Array], derivative: Derivative, path: ExecutionPath
) -> Computed:
    """The derivative at the point, which the path's dtype holds, computed on the current device.

    Raises Refused where a result lies on another device.
    """
    tf = import_tensorflow()
    call = new_call(expression, list(values), derivative, path)
    with scope():
        operands = [tf.constant(value, dtype=path.dtype) for value in values.values()]
        try:
            value, *found = call(*operands)
        except _errors(path) as error:
            return Computed(None, [None] * len(derivative.wrt), first_line(error)[:200])
    current().require(value)
    return Computed(_flat(value), [None if block is None else _flat(block) for block in found])


def new_call(
    expression: Expression, names: list[str], derivative: Derivative, path: ExecutionPath
) -> Callable[..., Any]:
    """A function that takes the variables' tensors, and returns the value followed by each block."""
    tf = import_tensorflow()
    arithmetic = in_tensorflow(path.dtype)

    def evaluate(at: Mapping[str, Any]) -> Any:
        return tf.convert_to_tensor(arithmetic.evaluate(expression, at))

    def call(*operands: Any) -> list[Any]:
        value, blocks = differentiate(evaluate, dict(zip(names, operands, strict=True)), derivative, path.method)
        return [value, *blocks]

    return in_mode(call, path.mode)


def _errors(path: ExecutionPath) -> tuple[type[Exception], ...]:
    """What TensorFlow raises where it has no kernel for a dtype, and for integers where a gradient has no meaning."""
    tf = import_tensorflow()
    unsupported = (tf.errors.NotFoundError, tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
    return (*unsupported, TypeError, ValueError, AttributeError) if path.is_integer else unsupported


def _flat(tensor: Any) -> Array:
    return np.ravel(np.asarray(tensor.numpy()).astype(np.float64))
