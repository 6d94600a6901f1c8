"""The texts on the nodes and edges of a picture."""

from __future__ import annotations

import re
from typing import Any

from experiments.runtime.tensorflow_import import import_tensorflow

MOST_ELEMENTS = 3
"""Constants of up to this many elements are written out."""

LONGEST_NAME = 22

COMMUTATIVE = {"Add", "AddV2", "AddN", "Mul", "MulNoNan", "Maximum", "Minimum", "LogicalAnd", "LogicalOr"} | {
    "Equal",
    "NotEqual",
    "SquaredDifference",
}
"""Operations whose operands can be swapped, and need no numbers."""

FUSED = ("fused_ops", "op_names")
"""The attributes that list the operations fused into one."""

TRANSPOSES = (("transpose_a", "transpose_b"), ("adj_x", "adj_y"))


def operation(node: Any) -> str:
    """The operation's type without TensorFlow's version: ``Add`` for ``AddV2``."""
    return re.sub(r"V\d+$", "", str(node.op)).lstrip("_")


def parts(node: Any) -> str:
    """The operations that TensorFlow has fused into this one; empty for most."""
    names = [name.decode() for key in FUSED if key in node.attr for name in node.attr[key].list.s]
    return ", ".join(names)


def short_name(node: Any) -> str:
    """The node's name inside the graph; empty where it says no more than the operation."""
    name = re.sub(r"gradient_tape/|^ArithmeticOptimizer/(\w+Rewrite_)?", "", node.name)
    if name.lower() in {operation(node).lower(), node.op.lower()}:
        return ""
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"


def operand(node: Any, position: int, operands: int) -> str:
    """The operand's number where order matters: ``1``, ``2``, or ``2ᵀ`` for one that is transposed."""
    transposed = any(pair[position] in node.attr and node.attr[pair[position]].b for pair in TRANSPOSES if position < 2)
    if not transposed and (operands == 1 or node.op in COMMUTATIVE):
        return ""
    return f"{position + 1}{'ᵀ' if transposed else ''}"


def value(node: Any) -> str:
    """A constant's value, or its shape with the value or dtype of its elements."""
    tensor = node.attr["value"].tensor
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    array = import_tensorflow().make_ndarray(tensor)
    if array.size <= MOST_ELEMENTS:
        return _elements(array.tolist())
    if (array == array.flat[0]).all():
        return f"all {_elements(array.flat[0].item())}, {shape}"
    return f"{array.dtype} {shape}"


def _elements(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_elements(element) for element in value)}]"
    if isinstance(value, bytes):
        return repr(value.decode(errors="replace"))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
