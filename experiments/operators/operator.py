"""Operators: an operation or layer of TensorFlow, and the same written again in NumPy."""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from experiments.operators.size import Size
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

Array = npt.NDArray[Any]
Tensor: TypeAlias = "tf.Tensor"
Call = Callable[..., Any]


@dataclass(frozen=True)
class Operand:
    """One argument of an operator: seeded normal values, or seeded whole numbers."""

    shape: tuple[int, ...]
    deviation: float = 1.0
    mean: float = 0.0
    below: int | None = None
    """Makes the values whole numbers from 0 to ``below`` - 1, which nothing is differentiated by."""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def is_real(self) -> bool:
        return self.below is None

    def tensor(self, dtype: str, seed: Sequence[int]) -> Tensor:
        """Return the values on the current device, real ones in ``dtype``."""
        tf = import_tensorflow()
        if self.below is not None:
            return tf.random.stateless_uniform(self.shape, seed, maxval=self.below, dtype="int32")
        normal = tf.random.stateless_normal(self.shape, seed, mean=self.mean, stddev=self.deviation, dtype="float64")
        return tf.cast(normal, dtype)


@dataclass(frozen=True)
class Prepared:
    """An operator ready to be called at one size and dtype."""

    call: Call
    """Takes the operands and then the state; returns the output, or a tuple that begins with it."""
    state: tuple[Tensor, ...] = ()
    """What a layer keeps between calls, such as moving averages and its random seed; passed as arguments, too."""


@dataclass(frozen=True)
class Operator:
    """One entry of the catalogue."""

    name: str
    operands: Callable[[Size], Sequence[Operand]]
    """The operands for a size, weights included. Real ones come first: the output is differentiated by them."""
    prepare: Callable[[Size, str], Prepared]
    """Makes the call for a size and dtype; see :func:`operation` and :func:`layer`."""
    reference: Callable[..., Array]
    """The output in NumPy from the operands without the state, in complex128: it is differentiated by complex step.

    It must be analytic except for comparisons, which look at the real part. What ``draw`` returns is its last
    argument, if there is a ``draw``.
    """
    flops: Callable[[Size], int] | None = None
    """Floating-point operations of the output, where the field agrees on how to count them."""
    results: Callable[[Size], int] | None = None
    """About how many numbers a call makes beside its operands; by default as many as the operands have."""
    draw: Callable[[Array], Array] | None = None
    """Reads off the output what was drawn at random. Raises Refused for a draw that is too unlikely."""

    def tensors(self, size: Size, dtype: str, seed: int) -> tuple[Tensor, ...]:
        """Return the operands on the current device. They depend on the seed and the operator's name alone."""
        own = zlib.crc32(self.name.encode()) % 2**31
        return tuple(
            operand.tensor(dtype, [seed, (own + position) % 2**31])
            for position, operand in enumerate(self.operands(size))
        )

    def real(self, size: Size) -> int:
        """Return how many operands the output is differentiated by."""
        return sum(operand.is_real for operand in self.operands(size))

    def numbers(self, size: Size) -> int:
        """Return about how many numbers a call holds: operands and results."""
        given = sum(operand.elements for operand in self.operands(size))
        return given + (self.results(size) if self.results else given)

    def shapes(self, size: Size) -> str:
        """Return the operands' shapes: ``32x256, 256x256``."""
        return ", ".join("x".join(map(str, operand.shape)) for operand in self.operands(size))


def operation(function: Call) -> Callable[[Size, str], Prepared]:
    """Return ``prepare`` for a plain function of the operands."""
    return lambda size, dtype: Prepared(function)


def layer(name: str, settings: Callable[[Size], dict[str, Any]], shape: Callable[[Size], tuple[int, ...]]) -> Any:
    """Return ``prepare`` for a layer of Keras, in training, on inputs of ``shape``.

    Each call passes the layer's weights and state (Keras' ``stateless_call``), so that nothing is closed over. The
    operands are the input and then the weights in Keras' order. The call returns the updated state, too, so that a
    graph cannot leave out computing it.
    """

    def prepare(size: Size, dtype: str) -> Prepared:
        import keras

        made = getattr(keras.layers, name)(**settings(size), dtype=dtype)
        made.build(shape(size))
        weights = len(made.trainable_variables)
        mode = {"training": True} if "training" in inspect.signature(made.call).parameters else {}

        def call(inputs: Tensor, *others: Tensor) -> tuple[Tensor, list[Tensor]]:
            result: tuple[Tensor, list[Tensor]] = made.stateless_call(
                list(others[:weights]), list(others[weights:]), inputs, **mode
            )
            return result

        state = tuple(import_tensorflow().identity(variable.value) for variable in made.non_trainable_variables)
        return Prepared(call, state)

    return prepare


def real_part_is_positive(z: Array) -> npt.NDArray[np.bool_]:
    """Compare with zero, as a reference must whose argument may be complex."""
    return np.asarray(z.real > 0)
