"""Calls whose operands begin in the host's memory, and whose results may have to come back to it.

TensorFlow copies operands to a device without being asked, too, but then it keeps the copy with the tensor, as its
mirror: a second call on the same tensors copies nothing. So each call here copies explicitly, which TensorFlow does
anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

NONE, OPERANDS, OPERANDS_AND_RESULT = "none", "operands", "operands_and_result"

TRANSFERS = (NONE, OPERANDS, OPERANDS_AND_RESULT)
"""What each timed call copies: nothing; the operands to the device; the result back from it, too."""

IN_WORDS = {OPERANDS: "operands from the host", OPERANDS_AND_RESULT: "operands from the host, result back"}

HOST = "/device:CPU:0"


def setting(*words: str, transfer: str) -> str:
    """Return the circumstances of a call, such as ``float32, eager``, with the transfer where there is one."""
    return ", ".join([*words, *([IN_WORDS[transfer]] if transfer in IN_WORDS else [])])


def begin(operand: tf.Tensor, transfer: str) -> tf.Tensor:
    """Return an operand where it is before a call: on its device, or in pageable memory of the host, as NumPy's are."""
    if transfer == NONE:
        return operand
    tf = import_tensorflow()
    with tf.device(HOST):
        return tf.constant(operand.numpy())


def with_transfer(
    call: Callable[..., Any], transfer: str, moved: slice = slice(None), back: Callable[[Any], Any] | None = None
) -> Callable[..., Any]:
    """Return ``call`` with the copies that belong to it: ``call`` itself where nothing is copied.

    ``moved`` says which of its operands :func:`begin` has put on the host. ``back`` makes of a result what comes
    back; by default the result is one tensor, which :func:`to_host` copies.
    """
    if transfer == NONE:
        return call
    device, bring_back = current().scope, back or to_host

    def with_operands(*operands: Any) -> Any:
        given = list(operands)
        given[moved] = [_copied(operand, device) for operand in given[moved]]
        return call(*given)

    def with_both(*operands: Any) -> Any:
        return bring_back(with_operands(*operands))

    return with_both if transfer == OPERANDS_AND_RESULT else with_operands


def to_host(result: Any) -> Any:
    """Return a copy in the host's memory of a tensor, or of a gradient that holds some rows only."""
    slices = import_tensorflow().IndexedSlices
    if isinstance(result, slices):
        return slices(to_host(result.values), to_host(result.indices), result.dense_shape)
    return _copied(result, HOST)


def _copied(tensor: tf.Tensor, device: str) -> tf.Tensor:
    """Copy a tensor, as its deprecated methods ``cpu`` and ``gpu`` do, and ``tf.identity`` does only the first time."""
    copied: tf.Tensor = tensor._copy_nograd(None, device)
    return copied
