"""The functions that an expression may call, with the number of their arguments and their meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """One function of the grammar."""

    arguments: int
    meaning: str
    is_smooth: bool = True
    """Whether all its derivatives exist inside its domain; if not, kinks are looked for."""
    is_elementwise: bool = True
    """Whether each element of the result needs the same elements of the arguments, and no others."""


CONSTANTS: Mapping[str, float] = {"e": math.e, "pi": math.pi}
"""Names with a value of their own, unless a variable is named so."""

OPERATORS: Mapping[str, Function] = {
    "+": Function(2, "sum"),
    "-": Function(2, "difference"),
    "*": Function(2, "product, element by element"),
    "/": Function(2, "quotient"),
    "**": Function(2, "power"),
    "negative": Function(1, "-x"),
}

COMPARISONS: Mapping[str, Function] = {
    sign: Function(2, "comparison", is_smooth=False) for sign in ("<", "<=", ">", ">=", "==", "!=")
}
"""Allowed as the first argument of ``where`` only."""

FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(1, "|x|", is_smooth=False),
    "acos": Function(1, "arc cosine"),
    "asin": Function(1, "arc sine"),
    "atan": Function(1, "arc tangent"),
    "cos": Function(1, "cosine"),
    "cosh": Function(1, "hyperbolic cosine"),
    "erf": Function(1, "error function"),
    "exp": Function(1, "e to the x"),
    "expm1": Function(1, "exp(x) - 1, exact near 0"),
    "floor": Function(1, "the largest whole number up to x", is_smooth=False),
    "log": Function(1, "natural logarithm"),
    "log1p": Function(1, "log(1 + x), exact near 0"),
    "relu": Function(1, "max(x, 0)", is_smooth=False),
    "sigmoid": Function(1, "1 / (1 + exp(-x))"),
    "sign": Function(1, "-1, 0 or 1", is_smooth=False),
    "sin": Function(1, "sine"),
    "sinh": Function(1, "hyperbolic sine"),
    "softplus": Function(1, "log(1 + exp(x))"),
    "sqrt": Function(1, "square root"),
    "tan": Function(1, "tangent"),
    "tanh": Function(1, "hyperbolic tangent"),
    "maximum": Function(2, "the larger one", is_smooth=False),
    "minimum": Function(2, "the smaller one", is_smooth=False),
    "where": Function(3, "where(x > 0, a, b): a where the comparison holds, else b", is_smooth=False),
    "dot": Function(2, "product of vectors and matrices", is_elementwise=False),
    "logsumexp": Function(1, "log of the sum of exp over all elements", is_elementwise=False),
    "mean": Function(1, "mean of all elements", is_elementwise=False),
    "norm": Function(1, "root of the sum of all squared elements", is_elementwise=False),
    "sum": Function(1, "sum of all elements", is_elementwise=False),
    "transpose": Function(1, "rows become columns", is_elementwise=False),
}
