"""Checking a gradient along one direction against the function written in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.gradient_cost.workloads import Operands, Workload
from experiments.runtime.modes import TF32_TOLERANCE

COMPLEX_STEP, DIFFERENCES = "complex step", "central differences"

TOLERANCE = {"float32": 1e-4, "float64": 1e-8}
"""The relative error of a gradient that gradbench (float32) and ADBench (float64) allow."""

TOLERANCE_OF_DIFFERENCES = 1e-6
"""Differences in float64 are not more accurate than this where the function has kinks."""

STEP = 1e-30
"""The complex step. It can be this small because nothing is subtracted; the error is of the order of its square."""

FIRST_DIFFERENCE = 1e-4
"""The first step of the central differences, which then shrinks."""

Array = npt.NDArray[Any]


def route(workload: Workload) -> str:
    """Return the name of the method by which the reference derivative is computed."""
    return COMPLEX_STEP if workload.analytic else DIFFERENCES


def tolerance(workload: Workload, dtype: str, size: int, tf32: bool = False) -> float:
    """Return the relative error that is allowed: the largest of four.

    These are what the published benchmarks allow, what rounding costs a sum of n terms, which grows like sqrt(n) u
    (N. J. Higham, T. Mary, SIAM J. Sci. Comput. 41(5), 2019), the error of differences where they are used, and that
    of products in TensorFloat-32.
    """
    of_sums = 2 * float(np.finfo(dtype).eps) * math.sqrt(size)
    of_differences = 0.0 if workload.analytic else TOLERANCE_OF_DIFFERENCES
    of_tf32 = TF32_TOLERANCE if dtype == "float32" and tf32 else 0.0
    return max(TOLERANCE[dtype], of_sums, of_differences, of_tf32)


def error(workload: Workload, operands: Operands, gradient: Sequence[Any], seed: int) -> float:
    """Return the error of ``gradient`` along a random direction, relative to the gradient's length.

    The direction has components +1 and -1. The slope along it is the gradient times the direction, which is of the
    order of the gradient's length: errors of single components are not hidden by a large dimension. Raises Refused
    where there is no gradient by some parameter.
    """
    if any(slope is None for slope in gradient):
        raise Refused("there is no gradient by one of the parameters: the function does not depend on it")
    slopes = [np.asarray(slope, np.float64) for slope in gradient]
    parameters, data = _in_float64(operands.parameters), _in_float64(operands.data)
    random = np.random.default_rng(seed)
    direction = [random.choice([-1.0, 1.0], size=slope.shape) for slope in slopes]
    found = sum(float((slope * arrow).sum()) for slope, arrow in zip(slopes, direction, strict=True))
    expected = derivative_along(workload, parameters, data, direction)
    length = float(np.sqrt(sum((slope**2).sum() for slope in slopes)))
    return _relative(abs(found - expected), max(length, abs(expected)))


def hessian_error(workload: Workload, operands: Operands, diagonal: Sequence[Any]) -> float:
    """Return the distance of the Hessian's ``diagonal`` from its closed form, relative to its length."""
    expected = workload.reference_hessian(_in_float64(operands.parameters), _in_float64(operands.data))
    pairs = [(np.asarray(found, np.float64), exact) for found, exact in zip(diagonal, expected, strict=True)]
    difference = np.sqrt(sum(((found - exact) ** 2).sum() for found, exact in pairs))
    return _relative(float(difference), float(np.sqrt(sum((exact**2).sum() for _, exact in pairs))))


def require_correct(found: float, allowed: float, what: str = "gradient") -> None:
    """Raise Refused unless the error is within ``allowed``; NaN is not."""
    if not found <= allowed:
        raise Refused(f"the {what} is wrong: off by {found:.2g} of its size, where {allowed:.2g} is allowed")


def derivative_along(
    workload: Workload, parameters: Sequence[Array], data: Sequence[Array], direction: Sequence[Array]
) -> float:
    """Return the derivative of the NumPy function along ``direction``, in float64.

    For an analytic function by the complex step, Im f(x + i h v) / h, exact to rounding (W. Squire, G. Trapp, SIAM
    Rev. 40(1), 1998). For others by central differences of order 8 with shrinking steps
    (``scipy.differentiate.derivative``).
    """
    if workload.analytic:
        moved = [x + 1j * STEP * v for x, v in zip(parameters, direction, strict=True)]
        return float(workload.reference(moved, data).imag / STEP)
    from scipy.differentiate import derivative

    def along(distances: Array) -> Array:
        values = [
            workload.reference([x + t * v for x, v in zip(parameters, direction, strict=True)], data)
            for t in distances.ravel()
        ]
        return np.array(values).reshape(distances.shape)

    return float(derivative(along, 0.0, initial_step=FIRST_DIFFERENCE, maxiter=3).df)


def _relative(difference: float, size: float) -> float:
    return difference / size if size else difference


def _in_float64(tensors: Sequence[Any]) -> list[Array]:
    """Return the tensors as NumPy arrays, those of real numbers in float64."""
    arrays = [tensor.numpy() for tensor in tensors]
    return [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
