"""A question as a dtype holds it: constants and values, each rounded."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.autodiff.derivative import Array
from experiments.autodiff.expression import Expression
from experiments.autodiff.point import INTEGERS, round_number, rounded


def as_held(expression: Expression, values: Mapping[str, Array], dtype: str) -> tuple[Expression, dict[str, Array]]:
    """The expression with its constants rounded, and the point; integers leave constants as they are.

    Raises OverflowError for a number that is beyond the dtype.
    """
    point = rounded(values, dtype)
    if dtype in INTEGERS:
        return expression, point
    return expression.rounded(lambda number: round_number(number, dtype)), point


def is_held(expression: Expression, values: Mapping[str, Array], dtype: str) -> bool:
    """Whether every number fits into the dtype."""
    try:
        as_held(expression, values, dtype)
    except OverflowError:
        return False
    return True
