"""The two calls that are timed of each operator: its output, and its output with the gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from experiments.operators.operator import Call, Tensor
from experiments.runtime.modes import in_mode
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.runtime.transfer import to_host, with_transfer

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


class OperatorCalls:
    """The two calls of an operator in one mode, and what is timed of them: the copies between host and device, too.

    Operands and weights begin on the host; a layer's state and the cotangent stay on the device. The output comes back,
    and so do the gradients.
    """

    def __init__(self, mode: str, transfer: str, call: Call, real: int, operands: int) -> None:
        """``call`` has so many operands, by the first ``real`` of which it is differentiated; its state follows."""
        self._forward = in_mode(call, mode)
        self._both = in_mode(forward_and_backward(call, real), mode)
        self.timed_forward = with_transfer(self._forward, transfer, slice(0, operands), _output_to_host)
        self.timed_both = with_transfer(self._both, transfer, slice(1, 1 + operands), _both_to_host)

    def outputs(self, cotangent: Tensor, arguments: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the outputs of the two calls where they were computed."""
        return output_of(self._forward(*arguments)), output_of(self._both(cotangent, *arguments)[0])


def _output_to_host(result: Any) -> Tensor:
    return to_host(output_of(result))


def _both_to_host(result: tuple[Any, list[Any]]) -> tuple[Tensor, list[Any]]:
    forward, slopes = result
    return _output_to_host(forward), [to_host(slope) for slope in slopes]


def output_of(result: Any) -> Tensor:
    """Return the output among what a call returns: the first element of a tuple."""
    return result[0] if isinstance(result, tuple) else result
