"""The first step of an evaluation whose result a dtype cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import as_mpmath, in_mpmath
from experiments.autodiff.derivative import Array
from experiments.autodiff.expression import Call, Expression, Node, Number, Variable, written
from experiments.autodiff.functions import COMPARISONS, FUNCTIONS
from experiments.autodiff.point import INTEGERS, LARGEST, SMALLEST

OVERFLOWS, HAS_NO_VALUE, UNDERFLOWS = "overflows", "has no finite value", "underflows"

HAVE_POLES = ("/", "**", "log", "log1p")
"""The operations that are infinite at a point, where the others are only too large."""

LONGEST_STEP = 40

DIGITS = 50

MOST_NUMBERS = 50_000
"""The most results of steps to look at: half a second."""


def first_lost_step(expression: Expression, values: Mapping[str, Array], dtype: str) -> str:
    """The step in words, such as ``exp(x) overflows, in a branch that is not taken``; empty without one.

    The steps are computed with :data:`DIGITS` digits, at the point as the dtype holds it. One that underflows often
    does no harm, so it is told only where no other is lost.
    """
    size = max((value.size for value in values.values()), default=1)
    if dtype in INTEGERS or size * expression.nodes > MOST_NUMBERS:
        return ""
    import mpmath

    with mpmath.workdps(DIGITS):
        walk = _Walk({name: as_mpmath(value) for name, value in values.items()}, dtype)
        walk.visit(expression.root, np.True_)
    return next(iter(walk.lost or walk.underflown), "")


class _Walk:
    """A walk through an expression, from its innermost steps outwards, which notes what the dtype cannot hold."""

    def __init__(self, values: Mapping[str, Any], dtype: str) -> None:
        self.lost: list[str] = []
        self.underflown: list[str] = []
        self._values, self._dtype, self._exact = values, dtype, in_mpmath()

    def visit(self, node: Node, taken: Any) -> Any:
        """The node's value; ``taken`` says which of its elements the value of the whole expression depends on."""
        if isinstance(node, Number):
            return self._exact.number(node)
        if isinstance(node, Variable):
            return self._values[node.name]
        if node.function == "norm":  # TensorFlow's norm has these steps, too
            squares = Call("*", (*node.arguments, *node.arguments), node.column)
            node = Call("sqrt", (Call("sum", (squares,), node.column),), node.column)
        result = self._exact.call(node, self._arguments(node, taken))
        if node.function not in COMPARISONS:
            self._note(node, result, taken)
        return result

    def _arguments(self, node: Call, taken: Any) -> list[Any]:
        if node.function != "where":
            is_elementwise = node.function not in FUNCTIONS or FUNCTIONS[node.function].is_elementwise
            inside = taken if is_elementwise else np.any(taken)
            return [self.visit(argument, inside) for argument in node.arguments]
        condition, first, second = node.arguments
        holds = self.visit(condition, taken)
        is_first = np.asarray(holds, dtype=bool)
        return [holds, self.visit(first, taken & is_first), self.visit(second, taken & ~is_first)]

    def _note(self, node: Call, result: Any, taken: Any) -> None:
        kinds = np.asarray(np.frompyfunc(lambda number: self._kind(node.function, number), 1, 1)(result), dtype=object)
        for kind in (OVERFLOWS, HAS_NO_VALUE, UNDERFLOWS):
            where = kinds == kind
            if np.any(where):
                (self.underflown if kind == UNDERFLOWS else self.lost).append(
                    self._in_words(node, kind, is_taken=bool(np.any(where & taken)))
                )

    def _kind(self, function: str, number: Any) -> str:
        import mpmath

        if mpmath.isnan(number) or (mpmath.isinf(number) and function in HAVE_POLES):
            return HAS_NO_VALUE
        if abs(number) > LARGEST[self._dtype]:
            return OVERFLOWS
        return UNDERFLOWS if 0 < abs(number) < SMALLEST[self._dtype] else ""

    def _in_words(self, node: Call, kind: str, is_taken: bool) -> str:
        step = written(node)
        step = step if len(step) <= LONGEST_STEP else f"{node.function} in column {node.column}"
        return f"{step} {kind}{'' if is_taken else ', in a branch that is not taken'}"
