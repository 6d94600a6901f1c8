"""Number formats and execution modes that the experiments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""The floating-point dtypes, with the size of one number in bytes."""

SIGNIFICAND_BITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
"""Bits of each dtype's significand, including the hidden one; the unit roundoff is 2 to the minus that."""

TF32_SIGNIFICAND_BITS = 11
"""The same for TensorFloat-32, to which NVIDIA GPUs since Ampere may round the operands of a float32 product."""

MODES = ("eager", "graph", "xla")
"""How TensorFlow executes a call: operation by operation, as a graph, or as a graph compiled by XLA."""

F = TypeVar("F", bound=Callable[..., Any])


def in_mode(call: F, mode: str) -> F:
    """Return ``call`` itself for ``eager``, else a ``tf.function`` of it that traces anew for each operand signature.

    AutoGraph stays off: the functions of the experiments contain no Python control flow on tensors.
    """
    if mode == "eager":
        return call
    compiled: F = import_tensorflow().function(call, autograph=False, jit_compile=mode == "xla")
    return compiled


TF32_TOLERANCE = 1e-2
"""What a check of float32 allows where products are rounded to TensorFloat-32, as on NVIDIA GPUs since Ampere."""


def tf32_in_use() -> bool:
    """Return whether this process rounds the operands of float32 products to TensorFloat-32.

    TensorFlow enables it by default, but only GPUs do it. A GPU older than Ampere does not, and is counted all the
    same: checks are then more lenient than they need to be.
    """
    enabled: bool = import_tensorflow().config.experimental.tensor_float_32_execution_enabled()
    return enabled and current().is_gpu


def may_have_used_tf32(config: Mapping[str, object]) -> bool:
    """Return whether a run with these parameters, all as text, may have rounded float32 products to TensorFloat-32."""
    is_float32 = str(config.get("experiment.dtype")) == "float32"
    return is_float32 and config.get("device.kind") != "cpu" and config.get("device.tf32") != "False"
