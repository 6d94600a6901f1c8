"""Workloads: published functions of many variables, each written twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from experiments.experiment import Choice
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import InvalidField

if TYPE_CHECKING:
    import tensorflow as tf

Array = npt.NDArray[Any]
Tensor: TypeAlias = "tf.Tensor"
"""For annotations inside functions, where ``tf`` is a local variable."""
Tensors = Sequence["tf.Tensor"]


@dataclass(frozen=True)
class Operands:
    """The operands of a workload, on the device."""

    parameters: tuple[tf.Tensor, ...]
    """The variables that the function is differentiated by."""
    data: tuple[tf.Tensor, ...] = ()

    @property
    def all(self) -> tuple[tf.Tensor, ...]:
        return (*self.parameters, *self.data)


@dataclass
class Workload(Choice, ABC):
    """A scalar function of many variables at several sizes n.

    It is written twice without common code: :meth:`value` in TensorFlow is timed, and :meth:`reference` in NumPy
    serves to check the gradient.
    """

    title: ClassVar[str]
    """The name in plots and notes."""
    size_is: ClassVar[str]
    """What n counts, such as ``points``."""
    smallest: ClassVar[int] = 1
    """The smallest n that is defined."""
    analytic: ClassVar[bool] = True
    """Whether ``reference`` takes complex parameters: it has no kink, no modulus and no comparison."""
    hessian_is_diagonal: ClassVar[bool] = False
    """Whether the Hessian is diagonal, so that it is measured, too, as one product with a vector of ones."""

    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.sizes:
            raise InvalidField(self, "sizes", "is empty; give at least one size, such as [10,100]")
        for size in self.sizes:
            if not self.smallest <= size < 2**31:
                problem = f"{size} is not a size; sizes are whole numbers from {self.smallest} to 2^31 - 1"
                raise InvalidField(self, "sizes", problem)

    @abstractmethod
    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        """Return seeded operands of size n in ``dtype``, on the current device."""

    @abstractmethod
    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        """Return the function's value in TensorFlow, a scalar."""

    @abstractmethod
    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        """Return the function's value in NumPy: float64, or complex128 where it is ``analytic``."""

    def reference_hessian(self, parameters: Sequence[Array], data: Sequence[Array]) -> Sequence[Array]:
        """Return the Hessian's diagonal by its closed form, one array for each parameter."""
        raise NotImplementedError

    @abstractmethod
    def elements(self, size: int) -> int:
        """Return about how many numbers are in memory at a time while the gradient is computed."""


def generator(size: int, seed: int) -> np.random.Generator:
    """Return the random generator for the operands of size n."""
    return np.random.default_rng([seed, size])


def tensors(dtype: str, *arrays: Array) -> tuple[tf.Tensor, ...]:
    """Return the arrays as tensors on the current device, those of real numbers in ``dtype``."""
    tf = import_tensorflow()
    return tuple(tf.constant(array, dtype=dtype if array.dtype.kind == "f" else array.dtype) for array in arrays)
