"""Expressions as trees of numbers, variables, and calls of operators and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """The text that was written, where the value has been rounded since; else empty."""


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


Node = Number | Variable | Call


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
        return Expression(self.text, _rounded(self.root, rounding))

    @property
    def constants(self) -> list[Number]:
        """All constants, in order."""
        return [node for node in _walk(self.root) if isinstance(node, Number)]

    @property
    def nodes(self) -> int:
        return sum(1 for _ in _walk(self.root))


def _rounded(node: Node, rounding: Callable[[float], float]) -> Node:
    if isinstance(node, Call):
        return replace(node, arguments=tuple(_rounded(argument, rounding) for argument in node.arguments))
    if isinstance(node, Variable):
        return node
    value = Fraction(rounding(float(node.value)))
    return node if value == node.value else replace(node, value=value, text=repr(float(node.value)))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from _walk(argument)
