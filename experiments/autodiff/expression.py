"""Expressions as trees of numbers, variables, and calls of operators and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from experiments.autodiff.functions import COMPARISONS, FUNCTIONS, OPERATORS


class InvalidExpression(ValueError):
    """A text is not an expression of the grammar; the message says what is wrong, and in which column (from 1)."""

    def __init__(self, column: int, problem: str) -> None:
        super().__init__(f"column {column}: {problem}")


@dataclass(frozen=True)
class Number:
    """A constant, exact: 0.1 is a tenth until :meth:`Expression.rounded` rounds it to a dtype."""

    value: Fraction
    column: int
    text: str = ""
    """The text that was written, where the value is a rounded one: ``0.1``, ``pi``; else empty."""


@dataclass(frozen=True)
class Variable:
    """A variable, whose value the expression does not know."""

    name: str
    column: int


@dataclass(frozen=True)
class Call:
    """An operator, comparison or function with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    column: int


Leaf = Number | Variable

Node = Leaf | Call


@dataclass(frozen=True)
class Expression:
    """A parsed text, and its tree."""

    text: str
    root: Node

    @property
    def variables(self) -> list[str]:
        """Names in the order in which they first appear."""
        return list(dict.fromkeys(node.name for node in _walk(self.root) if isinstance(node, Variable)))

    @property
    def is_smooth(self) -> bool:
        """Whether all of its functions are smooth inside their domains."""
        known = {**OPERATORS, **COMPARISONS, **FUNCTIONS}
        return all(known[node.function].is_smooth for node in _walk(self.root) if isinstance(node, Call))

    def rounded(self, rounding: Callable[[float], float]) -> Expression:
        """The expression with every constant rounded. Raises OverflowError where ``rounding`` does."""

        def change(leaf: Leaf) -> Leaf:
            if isinstance(leaf, Variable):
                return leaf
            value = Fraction(rounding(float(leaf.value)))
            return (
                leaf if value == leaf.value else replace(leaf, value=value, text=leaf.text or repr(float(leaf.value)))
            )

        return Expression(self.text, _with_leaves(self.root, change))

    def with_constants(self, values: Mapping[str, float]) -> Expression:
        """The expression with the variables that ``values`` names replaced by their values."""

        def change(leaf: Leaf) -> Leaf:
            if isinstance(leaf, Number) or leaf.name not in values:
                return leaf
            return Number(Fraction(values[leaf.name]), leaf.column, leaf.name)

        return Expression(self.text, _with_leaves(self.root, change))

    @property
    def constants(self) -> list[Number]:
        """All constants, in order."""
        return [node for node in _walk(self.root) if isinstance(node, Number)]

    @property
    def nodes(self) -> int:
        return sum(1 for _ in _walk(self.root))


def written(node: Node) -> str:
    """The text of a part of an expression, such as ``exp(x)`` or ``(1 + x)*y``."""
    if isinstance(node, Number):
        return node.text or f"{float(node.value):.9g}"
    if isinstance(node, Variable):
        return node.name
    if node.function in FUNCTIONS:
        return f"{node.function}({', '.join(map(written, node.arguments))})"
    operands = [f"({written(one)})" if _is_operation(one) else written(one) for one in node.arguments]
    sign = "-" if node.function == "negative" else node.function
    return f"{sign}{operands[0]}" if len(operands) == 1 else (sign if sign in "*/**" else f" {sign} ").join(operands)


def _is_operation(node: Node) -> bool:
    return isinstance(node, Call) and node.function not in FUNCTIONS


def _with_leaves(node: Node, change: Callable[[Leaf], Leaf]) -> Node:
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_with_leaves(argument, change) for argument in node.arguments))
    return change(node)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from _walk(argument)
