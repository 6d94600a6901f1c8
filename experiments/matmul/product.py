"""One matrix product C = A B: its dimensions, work, operands and call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from experiments.experiment import Refused
from experiments.runtime.modes import BYTES, in_mode
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

Call = Callable[[Any, Any], "tf.Tensor"]

SHAPES: dict[str, tuple[str, Callable[[int], tuple[int, int, int]]]] = {
    "inner": ("[1,n] x [n,1]", lambda n: (1, n, 1)),
    "outer": ("[n,1] x [1,n]", lambda n: (n, 1, n)),
    "square": ("[n,n] x [n,n]", lambda n: (n, n, n)),
}
"""How each shape is written, and its (m, k, n) for a size n: A is [m,k] and B is [k,n]."""

MATMUL_OPERATIONS = {"MatMul", "BatchMatMulV2", "BatchMatMulV3"}
"""The operations of a traced graph that multiply matrices."""


@dataclass(frozen=True)
class Product:
    """A product of one shape, size and dtype."""

    shape: str
    size: int
    dtype: str

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(m, k, n) of [m,k] x [k,n]."""
        return SHAPES[self.shape][1](self.size)

    @property
    def flops(self) -> int:
        """2 m k n: a multiplication and an addition for each term of each element."""
        m, k, n = self.dimensions
        return 2 * m * k * n

    @property
    def traffic(self) -> int:
        """Bytes moved if each operand is read once and the result is written once."""
        m, k, n = self.dimensions
        return (m * k + k * n + m * n) * BYTES[self.dtype]

    @property
    def intensity(self) -> float:
        """Arithmetic intensity in FLOP per byte."""
        return self.flops / self.traffic

    def operands(self, seed: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return A [m,k] and B [k,n] with standard normal elements, on the current device."""
        tf = import_tensorflow()
        m, k, n = self.dimensions
        return (
            tf.random.stateless_normal([m, k], seed=[seed, 2 * self.size], dtype=self.dtype),
            tf.random.stateless_normal([k, n], seed=[seed, 2 * self.size + 1], dtype=self.dtype),
        )


def new_call(mode: str) -> Call:
    """Return the product as a function of its operands, so that nothing can be folded into a constant."""
    tf = import_tensorflow()
    if mode == "eager":
        return cast("Call", tf.matmul)  # a Python function around it would be timed, too
    return in_mode(lambda a, b: tf.matmul(a, b), mode)


def require_product_in_graph(call: Any, operands: tuple[tf.Tensor, tf.Tensor]) -> None:
    """Raise Refused unless the graph of a compiled ``call`` contains a product as it is traced.

    What Grappler and XLA make of it is not looked at: operands are arguments, so that there is nothing to fold.
    """
    if not hasattr(call, "get_concrete_function"):
        return
    kinds = {operation.type for operation in call.get_concrete_function(*operands).graph.get_operations()}
    if not kinds & MATMUL_OPERATIONS:
        raise Refused(f"the graph has no product in it, only {', '.join(sorted(kinds))}")
