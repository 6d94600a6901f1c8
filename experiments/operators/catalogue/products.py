"""Matrix products."""

from __future__ import annotations

from experiments.operators.operator import Operand, Operator, Tensor, layer, operation
from experiments.operators.size import Size
from experiments.runtime.tensorflow_import import import_tensorflow


def _rows(size: Size) -> tuple[int, int]:
    return size.batch * size.sequence, size.units


def _weights(size: Size) -> Operand:
    return Operand((size.units, size.units), deviation=size.units**-0.5)


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    return import_tensorflow().matmul(a, b)


def _flops_of_product(size: Size) -> int:
    """Count 2 m k n: a multiplication and an addition for each term of each element."""
    return 2 * size.batch * size.sequence * size.units**2


def _flops_of_dense(size: Size) -> int:
    """Count the product, and one addition per element for the bias."""
    return _flops_of_product(size) + size.batch * size.sequence * size.units


PRODUCTS = (
    Operator(
        name="matmul",
        operands=lambda size: (Operand(_rows(size)), _weights(size)),
        prepare=operation(_matmul),
        reference=lambda a, b: a @ b,
        flops=_flops_of_product,
    ),
    Operator(
        name="dense",
        operands=lambda size: (Operand(_rows(size)), _weights(size), Operand((size.units,))),
        prepare=layer("Dense", lambda size: {"units": size.units}, _rows),
        reference=lambda x, kernel, bias: x @ kernel + bias,
        flops=_flops_of_dense,
    ),
)
