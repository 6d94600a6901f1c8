"""The values of an expression's variables: numbers, vectors and matrices, rounded to a dtype."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from experiments.autodiff.derivative import Array
from experiments.runtime.modes import SIGNIFICAND_BITS

INTEGERS = ("int32", "int64")
"""The integer dtypes. They are not differentiable, which a run shows rather than hides."""

SMALLEST = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}
"""The smallest normal number of each dtype; smaller ones lose digits."""

LARGEST = {
    "float16": 65504.0,
    "bfloat16": 255 * 2.0**120,
    "float32": 2.0**128 - 2.0**104,
    "float64": sys.float_info.max,
}
"""The largest number of each dtype."""

WRITTEN_OUT = 1e21
"""Whole numbers up to this one are written with all digits."""

INFINITE = (float("inf"), float("-inf"))

MOST_ELEMENTS = 1000


def as_array(value: Any) -> Array:
    """A number, list or list of lists as an array. Raises ValueError, which says what is wrong with ``value``."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError("has rows of different lengths") from None
    if array.dtype == object and all(type(number) in (int, float) for number in array.flat):
        array = _beyond_64_bits(array)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{value!r} is not a number, a list of numbers or a list of such lists")
    if array.ndim > 2:
        raise ValueError("has more than two dimensions")
    if not 1 <= array.size <= MOST_ELEMENTS:
        raise ValueError(f"has {array.size} elements; between 1 and {MOST_ELEMENTS} can be checked")
    if not np.isfinite(array).all():
        raise ValueError("holds a number that is not finite")
    return array.astype(np.float64)


def exact_numbers(values: Iterable[Any]) -> list[Fraction]:
    """All numbers of values as they are given, without rounding: numbers, lists or lists of lists."""
    return [Fraction(number) for value in values for number in np.asarray(value, dtype=object).flat]


def _beyond_64_bits(array: Any) -> Array:
    try:
        return np.asarray(array.astype(np.float64))
    except OverflowError:
        raise ValueError("holds a number beyond 1.8e308, the largest of float64") from None


def rounded(values: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """The values rounded to ``dtype``, as float64: to float32, 0.1 becomes 0.100000001490116.

    Raises OverflowError for a number beyond the dtype's range.
    """
    return {name: _round(value, dtype) for name, value in values.items()}


def round_number(value: float, dtype: str) -> float:
    """One number rounded to ``dtype``. Raises OverflowError as :func:`rounded` does."""
    return float(_round(np.float64(value), dtype))


def is_beyond_floats(value: Any) -> bool:
    """Whether one of mpmath's numbers is too large, or too close to zero, for float64."""
    import mpmath

    return isinstance(value, mpmath.mpf) and bool(value) and mpmath.isfinite(value) and float(value) in (0, *INFINITE)


def digits_of(value: Any, digits: int) -> str:
    """One of mpmath's numbers in words."""
    import mpmath

    return str(mpmath.nstr(value, digits))


def fits(value: Any, dtype: str) -> bool:
    """Whether a number, mpmath's or a float, is within the dtype's range."""
    try:
        round_number(float(value), dtype)
    except OverflowError:
        return False
    return True


def in_words(value: float, dtype: str) -> str:
    """A number that ``dtype`` holds, in as few digits as tell it from its neighbours; 16777216 with all of them."""
    if value.is_integer() and 0 < abs(value) < WRITTEN_OUT:
        return str(int(value))
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if fits(short, dtype) and round_number(short, dtype) == value:
            return f"{short:.{max(digits, 9)}g}"
    return f"{value:.17g}"


def changes(numbers: Iterable[Fraction], dtype: str) -> dict[str, str]:
    """The numbers that ``dtype`` cannot hold, with what it holds instead: 16777216 for 16777217, 0 for 1e-8.

    That 0.1 is rounded is no news; a whole number that becomes another one is, and one with fewer digits than usual.
    """
    found: dict[str, str] = {}
    for number in numbers:
        try:
            held = round_number(float(number), dtype)
        except OverflowError:  # refused, or told as left out
            continue
        usual = 0 if number.denominator == 1 and abs(number) < WRITTEN_OUT else abs(number) * _unit(dtype)
        if abs(Fraction(held) - number) > usual:
            is_whole = number.denominator == 1
            given = str(number.numerator) if is_whole else repr(float(number))
            instead = in_words(held, dtype) if is_whole else f"{held:.3g}"
            if is_whole or instead != f"{float(number):.3g}":
                found[given] = instead
    return found


def _unit(dtype: str) -> Fraction:
    """The largest relative error of rounding to the dtype; none is usual for integers."""
    return Fraction(1, 2 ** SIGNIFICAND_BITS[dtype]) if dtype in SIGNIFICAND_BITS else Fraction(0)


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
