"""The values of an expression's variables: numbers, vectors and matrices, rounded to a dtype."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.autodiff.derivative import Array

INTEGERS = ("int32", "int64")
"""The integer dtypes. They are not differentiable, which a run shows rather than hides."""

SMALLEST = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}
"""The smallest normal number of each dtype; smaller ones lose digits."""

MOST_ELEMENTS = 1000


def as_array(value: Any) -> Array:
    """A number, list or list of lists as an array. Raises ValueError, which says what is wrong with ``value``."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError("has rows of different lengths") from None
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{value!r} is not a number, a list of numbers or a list of such lists")
    if array.ndim > 2:
        raise ValueError("has more than two dimensions")
    if not 1 <= array.size <= MOST_ELEMENTS:
        raise ValueError(f"has {array.size} elements; between 1 and {MOST_ELEMENTS} can be checked")
    if not np.isfinite(array).all():
        raise ValueError("holds a number that is not finite")
    return array.astype(np.float64)


def rounded(values: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """The values rounded to ``dtype``, as float64: to float32, 0.1 becomes 0.100000001490116.

    Raises OverflowError for a number beyond the dtype's range.
    """
    return {name: _round(value, dtype) for name, value in values.items()}


def round_number(value: float, dtype: str) -> float:
    """One number rounded to ``dtype``. Raises OverflowError as :func:`rounded` does."""
    return float(_round(np.float64(value), dtype))


def _round(value: Any, dtype: str) -> Any:
    found = _as_held(np.asarray(value), dtype)
    if not np.isfinite(found).all():
        largest = float(np.max(np.abs(value)))
        raise OverflowError(f"{largest:g} is beyond the largest number of {dtype}")
    return found


def _as_held(value: Array, dtype: str) -> Array:
    if dtype in INTEGERS:
        whole = np.trunc(value)
        return np.where(np.abs(whole) <= np.iinfo(dtype).max, whole, np.inf)
    if dtype == "bfloat16":
        import ml_dtypes

        kind: Any = ml_dtypes.bfloat16
    else:
        kind = dtype
    with np.errstate(over="ignore"):
        return value.astype(kind).astype(np.float64)
