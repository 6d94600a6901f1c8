"""Checking an operator's output and gradients against NumPy in float64, by a single evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.experiment import Refused
from experiments.operators.operator import Array, Operator
from experiments.runtime.modes import TF32_TOLERANCE, tf32_in_use
from experiments.runtime.tensorflow_import import import_tensorflow

TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-4, "float64": 1e-6}
"""The largest relative error of output and gradients that counts as right: about ten times what was seen, while
anything wrong is off by about one. In float64 TensorFlow itself is less exact than the format: Keras' attention was
off by 3e-8, because its scale is a float32, and gelu by 1e-8, because of its error function."""

STEP = 1e-30
"""The complex step. It can be this small because nothing is subtracted; the error is of the order of its square."""

CHECK_COPIES, CHECK_BYTES = 4, 16
"""The check holds about this many copies of all numbers, each of this many bytes (complex128)."""


@dataclass(frozen=True)
class Errors:
    """The relative errors of an operator's output and gradients."""

    output: float
    gradient: float


def tolerance(dtype: str) -> float:
    """Return the relative error that rounding on this process's device may explain."""
    return TF32_TOLERANCE if dtype == "float32" and tf32_in_use() else TOLERANCE[dtype]


def errors(
    operator: Operator,
    operands: Sequence[Any],
    real: int,
    outputs: Sequence[Any],
    slopes: Sequence[Any],
    cotangent: Any,
    seed: int,
) -> Errors:
    """Return the errors of ``outputs``, all of the same operands, and ``slopes``, the gradients of their projection.

    The projection is sum(output * cotangent). The reference is evaluated once, at z = x + i h v for a random direction
    v. Its real part is the output. Its imaginary part over h is the output's derivative along v by the complex step,
    exact to rounding (W. Squire, G. Trapp, SIAM Rev. 40(1), 1998); projected on the cotangent it must equal the
    slopes times v.

    For each operand, the components of v are +1 and -1 over the length of the gradient by that operand. So all
    operands weigh the same, and the error of a small gradient does not hide behind a large one.
    """
    found = _slopes_in_float64(operands[:real], slopes)
    random = np.random.default_rng(seed)
    direction = [random.choice([-1.0, 1.0], size=slope.shape) / _length(slope) for slope in found]
    moved = [_in_float64(x) + 1j * STEP * v for x, v in zip(operands[:real], direction, strict=True)]
    drawn = [operator.draw(np.asarray(outputs[0]))] if operator.draw else []
    expected = operator.reference(*moved, *(operand.numpy() for operand in operands[real:]), *drawn)

    of_outputs = [error_of_output(_in_float64(output), expected.real) for output in outputs]
    along = sum(float((slope * v).sum()) for slope, v in zip(found, direction, strict=True))
    expected_along = float((_in_float64(cotangent) * expected.imag).sum() / STEP)
    worst = math.nan if any(map(math.isnan, of_outputs)) else max(of_outputs)
    return Errors(worst, abs(along - expected_along) / math.sqrt(real))


def error_of_output(found: Array, expected: Array) -> float:
    """Return the largest difference of an element, relative to the element plus the root mean square of all.

    The root mean square keeps elements that are near zero by chance from dominating. Raises Refused where the
    shapes differ.
    """
    if found.shape != expected.shape:
        raise Refused(f"the output has the shape {found.shape}, where {expected.shape} is expected")
    typical = math.sqrt(float((expected**2).mean()))
    if typical == 0:
        return float(np.abs(found).max())
    return float((np.abs(found - expected) / (np.abs(expected) + typical)).max())


def require_correct(found: Errors, allowed: float) -> None:
    """Raise Refused unless both errors are within ``allowed``; NaN is not."""
    for what, error in (("output is", found.output), ("gradients are", found.gradient)):
        if not error <= allowed:
            raise Refused(f"the {what} wrong: off by {error:.2g} of the right size, where {allowed:.2g} is allowed")


def _slopes_in_float64(operands: Sequence[Any], slopes: Sequence[Any]) -> list[Array]:
    tf = import_tensorflow()
    if any(slope is None for slope in slopes):
        raise Refused("there is no gradient by one of the operands: the output does not depend on it")
    found = [_in_float64(tf.convert_to_tensor(slope)) for slope in slopes]  # an embedding's is sparse
    for slope, operand in zip(found, operands, strict=True):
        if slope.shape != tuple(operand.shape):
            raise Refused(f"a gradient has the shape {slope.shape}, where its operand has {tuple(operand.shape)}")
    return found


def _length(slope: Array) -> float:
    """Return the slope's length, or one for a zero slope, which the comparison then catches if it is wrong."""
    return float(np.sqrt((slope**2).sum())) or 1.0


def _in_float64(tensor: Any) -> Array:
    return np.asarray(tensor).astype(np.float64)
