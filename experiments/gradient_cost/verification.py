"""Is the gradient right? Checked along one direction against the function written in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.gradient_cost.workloads import Operands, Workload

COMPLEX_STEP, DIFFERENCES = "complex step", "central differences"

TOLERANCE = {"float32": 1e-4, "float64": 1e-8}
"""What gradbench and what ADBench allow a gradient to be off, relative to its size."""

TOLERANCE_OF_DIFFERENCES = 1e-6
"""Differences in float64 are no better than this where there are kinks."""

STEP = 1e-30
"""Of the complex step: its error is the step's square, and nothing is subtracted."""

FIRST_DIFFERENCE = 1e-4
"""Half the first distance of the differences, which then shrinks."""

Array = npt.NDArray[Any]


def route(workload: Workload) -> str:
    """How the derivative is found that the gradient is held against."""
    return COMPLEX_STEP if workload.analytic else DIFFERENCES


def tolerance(workload: Workload, dtype: str, size: int) -> float:
    """The error that is let pass: what the benchmarks allow, what a sum of n terms loses, what differences lose.

    Rounding errors of a sum grow like sqrt(n) u (N. J. Higham, T. Mary, SIAM J. Sci. Comput. 41(5), 2019).
    """
    of_sums = 2 * float(np.finfo(dtype).eps) * math.sqrt(size)
    return max(TOLERANCE[dtype], of_sums, 0.0 if workload.analytic else TOLERANCE_OF_DIFFERENCES)


def error(workload: Workload, operands: Operands, gradient: Sequence[Any], seed: int) -> float:
    """How far ``gradient`` is off along a random direction, relative to its length.

    The direction has components +1 and -1. Along it a gradient g has the slope of g times the direction, which is of
    the order of |g|: errors of single components do not hide behind a large dimension. Raises Refused where there
    is no gradient by some parameter.
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
    """How far the Hessian's ``diagonal`` is from its closed form, relative to its length."""
    expected = workload.reference_hessian(_in_float64(operands.parameters), _in_float64(operands.data))
    pairs = [(np.asarray(found, np.float64), exact) for found, exact in zip(diagonal, expected, strict=True)]
    difference = np.sqrt(sum(((found - exact) ** 2).sum() for found, exact in pairs))
    return _relative(float(difference), float(np.sqrt(sum((exact**2).sum() for _, exact in pairs))))


def require_correct(found: float, allowed: float, what: str = "gradient") -> None:
    """Raises Refused unless the error is within tolerance (NaN is not)."""
    if not found <= allowed:
        raise Refused(f"the {what} is wrong: off by {found:.2g} of its size, where {allowed:.2g} is allowed")


def derivative_along(
    workload: Workload, parameters: Sequence[Array], data: Sequence[Array], direction: Sequence[Array]
) -> float:
    """The derivative of the NumPy function along ``direction``, in float64.

    Where the function is analytic by the complex step, Im f(x + i h v) / h (W. Squire, G. Trapp, SIAM Rev. 40(1),
    1998), exact to rounding; elsewhere by central differences of order 8 on shrinking distances, as
    ``scipy.differentiate.derivative`` extrapolates them.
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
    """As NumPy arrays; whole numbers stay what they are."""
    arrays = [tensor.numpy() for tensor in tensors]
    return [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
