"""The ways in which TensorFlow can compute one derivative: method, execution mode, dtype."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.autodiff.arithmetic import in_tensorflow
from experiments.autodiff.derivative import Array, Derivative
from experiments.autodiff.differentiate import METHODS, differentiate
from experiments.autodiff.expression import Expression
from experiments.autodiff.point import INTEGERS
from experiments.reporting.text import first_line
from experiments.runtime.device import current, scope
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    pass

MODES = ("eager", "graph", "xla")


@dataclass(frozen=True)
class Way:
    """How to compute."""

    method: str
    mode: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.method}, {self.mode}, {self.dtype}"

    @property
    def is_integer(self) -> bool:
        return self.dtype in INTEGERS


def every_way(first: Way, modes: Sequence[str] = MODES) -> list[Way]:
    """``first``, then every other method and mode, in its dtype and in float32 and float64."""
    dtypes = dict.fromkeys([first.dtype, "float32", "float64"])
    everything = (Way(*way) for way in itertools.product(METHODS, modes, dtypes))
    return [first, *(way for way in everything if way != first)]


@dataclass(frozen=True)
class Computed:
    """What TensorFlow made of a derivative in one way."""

    value: Array | None
    blocks: list[Array | None]
    """Flat, in the order of the derivative's blocks; None for None."""
    problem: str = ""
    """Why there is nothing."""


def compute(expression: Expression, values: Mapping[str, Array], derivative: Derivative, way: Way) -> Computed:
    """The derivative at the point, which the way's dtype holds, computed on the current device.

    Raises Refused where a result lies on another device.
    """
    tf = import_tensorflow()
    call = new_call(expression, list(values), derivative, way)
    with scope():
        operands = [tf.constant(value, dtype=way.dtype) for value in values.values()]
        try:
            value, *found = call(*operands)
        except _errors(way) as error:
            return Computed(None, [None] * len(derivative.wrt), first_line(error)[:200])
    current().require(value)
    return Computed(_flat(value), [None if block is None else _flat(block) for block in found])


def new_call(expression: Expression, names: list[str], derivative: Derivative, way: Way) -> Callable[..., Any]:
    """A function of the variables' tensors that returns the value and each block."""
    tf = import_tensorflow()
    arithmetic = in_tensorflow(way.dtype)

    def evaluate(at: Mapping[str, Any]) -> Any:
        return tf.convert_to_tensor(arithmetic.evaluate(expression, at))

    def call(*operands: Any) -> list[Any]:
        value, blocks = differentiate(evaluate, dict(zip(names, operands, strict=True)), derivative, way.method)
        return [value, *blocks]

    if way.mode == "eager":
        return call
    compiled: Callable[..., Any] = tf.function(call, autograph=False, jit_compile=way.mode == "xla")
    return compiled


def _errors(way: Way) -> tuple[type[Exception], ...]:
    """What TensorFlow raises where it has no kernel for a dtype, and for integers where there is no meaning either."""
    tf = import_tensorflow()
    unsupported = (tf.errors.NotFoundError, tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
    return (*unsupported, TypeError, ValueError, AttributeError) if way.is_integer else unsupported


def _flat(tensor: Any) -> Array:
    return np.ravel(np.asarray(tensor.numpy()).astype(np.float64))
