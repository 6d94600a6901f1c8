"""The two calls that are timed of each operator: its output, and its output with the gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.operators.operator import Call, Tensor
from experiments.runtime.tensorflow_import import import_tensorflow

FORWARD, BOTH = "forward", "forward_backward"
"""The names of the calls: the output alone; the output and the gradients by all real operands."""


def forward_and_backward(call: Call, real: int) -> Callable[..., tuple[Any, list[Any]]]:
    """Return a function of a cotangent and the operands of ``call``, differentiated by the first ``real`` of these.

    The function returns what ``call`` returns, and the gradients of sum(output * cotangent): backpropagation alone,
    without a loss to compute. It returns the output so that TensorFlow must compute it: a graph that returns only
    gradients leaves out what they do not need, such as the product itself of a matrix product.
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
    """Return the output among what a call returns: the first element of a tuple."""
    return result[0] if isinstance(result, tuple) else result
