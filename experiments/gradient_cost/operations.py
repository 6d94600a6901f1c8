"""The operations that are timed: a workload's function and its derivatives, as functions of all operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.gradient_cost.workloads import Workload
from experiments.gradient_cost.workloads.workload import Tensor
from experiments.runtime.modes import in_mode
from experiments.runtime.tensorflow_import import import_tensorflow

FUNCTION, GRADIENT, HESSIAN = "function", "gradient", "hessian"
"""The names of the operations. The last is the gradient together with the Hessian's diagonal."""

Call = Callable[..., Any]


def operations(workload: Workload, parameters: int, mode: str) -> dict[str, Call]:
    """Return the operations of ``workload``, which is differentiated by its first ``parameters`` operands.

    Each operation takes all operands as arguments: a small tensor that a graph closes over becomes a constant.
    """
    calls = {FUNCTION: _function(workload, parameters), GRADIENT: _gradient(workload, parameters)}
    if workload.hessian_is_diagonal:
        calls[HESSIAN] = _gradient_and_hessian(workload, parameters)
    return {name: in_mode(call, mode) for name, call in calls.items()}


def _function(workload: Workload, parameters: int) -> Call:
    def function(*operands: Tensor) -> Tensor:
        return workload.value(operands[:parameters], operands[parameters:])

    return function


def _gradient(workload: Workload, parameters: int) -> Call:
    tf = import_tensorflow()

    def gradient(*operands: Tensor) -> list[Tensor]:
        watched = operands[:parameters]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            value = workload.value(watched, operands[parameters:])
        slopes: list[Tensor] = tape.gradient(value, list(watched))
        return slopes

    return gradient


def _gradient_and_hessian(workload: Workload, parameters: int) -> Call:
    """Forward over reverse: the gradient's derivative along a vector of ones is the sum of each row of the Hessian."""
    tf = import_tensorflow()
    gradient = _gradient(workload, parameters)

    def gradient_and_hessian(*operands: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        watched = operands[:parameters]
        with tf.autodiff.ForwardAccumulator(watched, tuple(map(tf.ones_like, watched))) as along_ones:
            slopes = gradient(*operands)
        return slopes, [along_ones.jvp(slope) for slope in slopes]

    return gradient_and_hessian
