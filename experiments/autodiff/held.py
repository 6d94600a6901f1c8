"""Round a question to a dtype: its constants, its point and its direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from experiments.autodiff.derivative import Array, Derivative
from experiments.autodiff.expression import Expression
from experiments.autodiff.point import INTEGERS, round_number, rounded


def as_held(expression: Expression, values: Mapping[str, Array], dtype: str) -> tuple[Expression, dict[str, Array]]:
    """The expression with its constants rounded to ``dtype``, and the point; integer dtypes leave the constants alone.

    Raises OverflowError for a number beyond the dtype's range.
    """
    point = rounded(values, dtype)
    if dtype in INTEGERS:
        return expression, point
    return expression.rounded(lambda number: round_number(number, dtype)), point


def along_held(derivative: Derivative, dtype: str) -> Derivative:
    """The derivative with its direction rounded to ``dtype``. Raises OverflowError as :func:`as_held` does."""
    if dtype in INTEGERS:
        return derivative
    return replace(derivative, direction=rounded(derivative.direction, dtype))


def beyond(expression: Expression, values: Mapping[str, Array], derivative: Derivative, dtype: str) -> str:
    """Which number is beyond the dtype's range; empty where none is."""
    try:
        as_held(expression, values, dtype)
        along_held(derivative, dtype)
    except OverflowError as error:
        return str(error)
    return ""
