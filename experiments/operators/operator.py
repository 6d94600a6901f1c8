"""What an operator is: an operation or layer of TensorFlow, and the same written again in NumPy."""

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
    """Whole numbers from 0 to one less than this; nothing is differentiated by them."""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def is_real(self) -> bool:
        return self.below is None

    def tensor(self, dtype: str, seed: Sequence[int]) -> Tensor:
        """The values on the current device, real ones in ``dtype``."""
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
    """What a layer keeps from call to call, such as moving averages and its random seed: arguments like all others."""


@dataclass(frozen=True)
class Operator:
    """One entry of the table."""

    name: str
    operands: Callable[[Size], Sequence[Operand]]
    """Real ones first: the output is differentiated by them. Weights are operands, too."""
    prepare: Callable[[Size, str], Prepared]
    """For a size and dtype: see :func:`operation` and :func:`layer`."""
    reference: Callable[..., Array]
    """The output in NumPy, from the operands without the state, in complex128: it is differentiated by complex step.

    It must be analytic but for comparisons, which look at the real part. Where there is a ``draw``, that is the
    last argument.
    """
    flops: Callable[[Size], int] | None = None
    """Floating-point operations of the output, where the field agrees on how to count them."""
    results: Callable[[Size], int] | None = None
    """About how many numbers a call makes beside its operands; by default as many as these have."""
    draw: Callable[[Array], Array] | None = None
    """What was drawn at random, read off the output. Raises Refused where such a draw is not to be believed."""

    def tensors(self, size: Size, dtype: str, seed: int) -> tuple[Tensor, ...]:
        """The operands on the current device: the same for the same seed, whichever other operators there are."""
        own = zlib.crc32(self.name.encode()) % 2**31
        return tuple(
            operand.tensor(dtype, [seed, (own + position) % 2**31])
            for position, operand in enumerate(self.operands(size))
        )

    def real(self, size: Size) -> int:
        """How many operands the output is differentiated by."""
        return sum(operand.is_real for operand in self.operands(size))

    def numbers(self, size: Size) -> int:
        """About how many numbers a call holds: operands and what it makes of them."""
        given = sum(operand.elements for operand in self.operands(size))
        return given + (self.results(size) if self.results else given)

    def shapes(self, size: Size) -> str:
        """The operands in short: ``32x256, 256x256``."""
        return ", ".join("x".join(map(str, operand.shape)) for operand in self.operands(size))


def operation(function: Call) -> Callable[[Size, str], Prepared]:
    """``prepare`` for a plain function of the operands."""
    return lambda size, dtype: Prepared(function)


def layer(name: str, settings: Callable[[Size], dict[str, Any]], shape: Callable[[Size], tuple[int, ...]]) -> Any:
    """``prepare`` for a layer of Keras, in training, on inputs of ``shape``.

    The layer gets its weights and its state at each call (Keras' ``stateless_call``): nothing of it is closed over.
    The operands are the input and then the weights in Keras' order. The call returns the updated state, too, so that
    a graph cannot leave that out.
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
    """The comparison of a reference that may be complex."""
    return np.asarray(z.real > 0)
