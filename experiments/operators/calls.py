"""The two calls that are timed of each operator: its output, and its output with the gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.operators.operator import Call, Tensor
from experiments.runtime.tensorflow_import import import_tensorflow

FORWARD, BOTH = "forward", "forward_backward"
"""The output alone; the output and the gradients by all real operands."""


def forward_and_backward(call: Call, real: int) -> Callable[..., tuple[Any, list[Any]]]:
    """A function of the cotangent and of the operands of ``call``, of which the first ``real`` are differentiated by.

    It returns what ``call`` does and the gradients of sum(output * cotangent): backpropagation as such, without a
    loss of its own to compute. The output is returned so that it must be computed: a graph in which only the gradients
    are asked for leaves out what they do not need, such as the product itself of a matrix product.
    """
    tf = import_tensorflow()

    def both(cotangent: Tensor, *operands: Tensor) -> tuple[Any, list[Any]]:
        watched = list(operands[:real])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            result = call(*operands)
        return result, tape.gradient(output_of(result), watched, output_gradients=cotangent)

    return both


def output_of(result: Any) -> Tensor:
    """The output among what a call returns."""
    return result[0] if isinstance(result, tuple) else result
