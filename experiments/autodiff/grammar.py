"""Parse one line of text to an expression, by a whitelist: nothing in the text is ever executed.

    expression := number | variable | -e | e + e | e - e | e * e | e / e | e ** e | function(e, ...)
                | where(e < e, e, e)            (or <=, >, >=, ==, !=)

Python's own parser reads the text (``ast.parse`` only builds a tree), and each node of that tree is translated or
refused by name. No ``eval``, no ``compile``, no attribute, no import: what is not in the grammar has no translation.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from experiments.autodiff.expression import Call, Expression, InvalidExpression, Node, Number, Variable
from experiments.autodiff.functions import FUNCTIONS, OPERATORS
from experiments.validators import suggestion

LONGEST, DEEPEST, MOST_NODES = 2000, 250, 1000
"""The most characters, levels and nodes that an expression may have."""

LARGEST_EXPONENT = 1000
"""The limit of constant exponents: beyond it numbers overflow, and exact ones fill the memory."""

LARGEST_NUMBER = 1e300

MOST_BITS = 2100
"""The limit of a constant's bits as an exact fraction: the range of float64."""

LONGEST_NAME = 30

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}

_EXACT: Mapping[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "negative": operator.neg,
}

_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Attribute: ("an attribute (a dot after a name)", ""),
    ast.Subscript: ("an index in brackets", ""),
    ast.Lambda: ("a lambda", ""),
    ast.ListComp: ("a comprehension", ""),
    ast.SetComp: ("a comprehension", ""),
    ast.DictComp: ("a comprehension", ""),
    ast.GeneratorExp: ("a comprehension", ""),
    ast.List: ("a list", "give vectors and matrices as values of variables, in experiment.at"),
    ast.Tuple: ("a comma outside a function's arguments", ""),
    ast.Dict: ("a dictionary", ""),
    ast.Set: ("a set", ""),
    ast.IfExp: ("'if ... else'", "use where(comparison, a, b)"),
    ast.BoolOp: ("'and' or 'or'", "nest one where in another"),
    ast.Compare: ("a comparison outside where's first argument", ""),
    ast.NamedExpr: ("an assignment (:=)", ""),
    ast.JoinedStr: ("an f-string", ""),
    ast.Starred: ("a star before an argument", ""),
    ast.MatMult: ("the operator @", "use dot(a, b)"),
    ast.Mod: ("the operator %", ""),
    ast.FloorDiv: ("the operator //", "use floor(a / b)"),
    ast.BitXor: ("the operator ^", "a power is written **"),
    ast.BitAnd: ("the operator &", ""),
    ast.BitOr: ("the operator |", ""),
    ast.LShift: ("the operator <<", ""),
    ast.RShift: ("the operator >>", ""),
    ast.UAdd: ("a plus sign before a term", ""),
    ast.Not: ("'not'", ""),
    ast.Invert: ("the operator ~", ""),
    ast.Is: ("'is'", "use =="),
    ast.In: ("'in'", ""),
}
"""Python's syntax that the grammar does not have: a user's name for it, and what to write instead."""


def parse(text: str) -> Expression:
    """Parse ``text`` to an expression. Raises InvalidExpression.

    >>> parse("a*w**2 + b*w + c").variables
    ['a', 'w', 'b', 'c']
    """
    text = text.strip()
    _require_plain(text)
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of what is refused here anyway
            tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        _require_no_keyword(text)
        column = min(error.offset or len(text), len(text))  # Python gives none where the text ends too early
        raise InvalidExpression(column, f"this cannot be read ({error.msg})") from None
    except (MemoryError, RecursionError, ValueError):
        raise InvalidExpression(1, "this is nested too deeply to be read") from None
    root = _Translation(text).node(tree.body)
    _constant(root)  # raises for numbers that would fill the memory
    return Expression(text, root)


def _require_plain(text: str) -> None:
    if not text:
        raise InvalidExpression(1, "there is no expression; write one, such as a*w**2 + b*w + c")
    if len(text) > LONGEST:
        raise InvalidExpression(LONGEST + 1, f"an expression has at most {LONGEST} characters, this has {len(text)}")
    for column, character in enumerate(text, 1):
        if not character.isascii():
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            raise InvalidExpression(column, f"{character!r} ({name}) is not a plain character of the keyboard")
        if not character.isprintable() or character in "#\\;":
            raise InvalidExpression(column, f"{character!r} has no meaning in an expression")


def _require_no_keyword(text: str) -> None:
    """Tells of a word of Python's that Python's parser has stumbled over."""
    for word in re.finditer(r"\b[A-Za-z]\w*", text):
        if keyword.iskeyword(name := word.group()):
            raise InvalidExpression(
                word.start() + 1,
                f"this cannot be read: '{name}' is a word of Python's own, which no variable can have as its name; "
                f"choose another, such as {name}_",
            )


class _Translation:
    """Translates Python's syntax tree to the nodes of an expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes = 0

    def node(self, tree: ast.expr, depth: int = 0) -> Node:
        column = _column(tree)
        self._nodes += 1
        if depth > DEEPEST:
            raise InvalidExpression(
                column, f"this is nested deeper than {DEEPEST} levels (each further term of a sum is one)"
            )
        if self._nodes > MOST_NODES:
            raise InvalidExpression(column, f"an expression has at most {MOST_NODES} parts")
        match tree:
            case ast.Constant(value=value):
                return _number(value, column)
            case ast.Name(id=name):
                return _variable(name, column)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._between(_OPERATORS, sign, left, right, depth)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Call("negative", (self.node(operand, depth + 1),), column)
            case ast.UnaryOp(op=sign):
                raise _refusal(sign, column)
            case ast.Call():
                return self._call(tree, depth)
        raise _refusal(tree, column)

    def _call(self, tree: ast.Call, depth: int) -> Call:
        column = _column(tree)
        if type(tree.func) in _REFUSED:
            raise _refusal(tree.func, _column(tree.func))
        if not isinstance(tree.func, ast.Name):
            raise InvalidExpression(column, "only a function's name stands before a bracket; a product is written *")
        name = tree.func.id
        if name not in FUNCTIONS:
            raise InvalidExpression(
                column,
                f"there is no function {name[:LONGEST_NAME]}{suggestion(name, FUNCTIONS)}; "
                f"there are {', '.join(sorted(FUNCTIONS))}",
            )
        if tree.keywords:
            raise InvalidExpression(column, f"{name} takes no argument with a name ({tree.keywords[0].arg or '**'}=)")
        wanted, given = FUNCTIONS[name].arguments, len(tree.args)
        if wanted != given:
            raise InvalidExpression(column, f"{name} takes {wanted} argument{'s'[: wanted != 1]}, not {given}")
        first = self._comparison(tree.args[0], depth + 1) if name == "where" else self.node(tree.args[0], depth + 1)
        return Call(name, (first, *(self.node(argument, depth + 1) for argument in tree.args[1:])), column)

    def _comparison(self, tree: ast.expr, depth: int) -> Call:
        column = _column(tree)
        if not isinstance(tree, ast.Compare):
            raise InvalidExpression(column, "the first argument of where is a comparison, such as x > 0")
        if len(tree.ops) != 1:
            raise InvalidExpression(column, "a chain of comparisons is not in the grammar; nest one where in another")
        return self._between(_COMPARISONS, tree.ops[0], tree.left, tree.comparators[0], depth)

    def _between(self, names: Mapping[Any, str], sign: ast.AST, left: ast.expr, right: ast.expr, depth: int) -> Call:
        """A call of a binary operator; its column is that of the operator's sign."""
        assert left.end_col_offset is not None
        gap = self._text[left.end_col_offset : right.col_offset]
        column = left.end_col_offset + 1 + len(gap) - len(gap.lstrip(" )"))
        if type(sign) not in names:
            raise _refusal(sign, column)
        return Call(names[type(sign)], (self.node(left, depth + 1), self.node(right, depth + 1)), column)


def _column(tree: ast.expr) -> int:
    if isinstance(tree, ast.Attribute) and tree.value.end_col_offset is not None:
        return tree.value.end_col_offset + 1  # of the dot
    return tree.col_offset + 1


def _number(value: object, column: int) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        kinds = {str: "a text in quotes", bytes: "a text in quotes", complex: "an imaginary number"}
        raise InvalidExpression(column, f"{kinds.get(type(value), value)} is not in the grammar")
    if not abs(value) < LARGEST_NUMBER:
        raise InvalidExpression(column, f"this number is too large; numbers go up to {LARGEST_NUMBER:g}")
    return Number(Fraction(repr(value)), column)


def _variable(name: str, column: int) -> Variable:
    if name in FUNCTIONS:
        raise InvalidExpression(column, f"{name} is a function; write {name}(...)")
    if name.startswith("_") or len(name) > LONGEST_NAME:
        raise InvalidExpression(
            column,
            f"{name[:LONGEST_NAME]} is no name of a variable; those begin with a letter "
            f"and have at most {LONGEST_NAME} characters",
        )
    return Variable(name, column)


def _refusal(tree: ast.AST, column: int) -> InvalidExpression:
    name, instead = _REFUSED.get(type(tree), (f"'{type(tree).__name__.lower()}'", ""))
    return InvalidExpression(column, f"{name} is not in the grammar{f'; {instead}' if instead else ''}")


def _constant(node: Node) -> Fraction | None:
    """The exact value of a subtree of numbers and operators; None for any other subtree."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Variable):
        return None
    values = [_constant(argument) for argument in node.arguments]
    if node.function == "**":
        _require_moderate_exponent(node, *values)
    if node.function not in OPERATORS or None in values:
        return None
    try:
        value = _EXACT[node.function](*values)
    except ZeroDivisionError:
        raise InvalidExpression(node.column, "this divides by zero") from None
    except OverflowError:  # the root of a huge number, which is no fraction
        return None
    if isinstance(value, Fraction) and _bits(value) > MOST_BITS:
        raise InvalidExpression(node.column, "this number is too large, or too close to zero")
    return value if isinstance(value, Fraction) else None  # a root, or the like


def _require_moderate_exponent(node: Call, base: Fraction | None, exponent: Fraction | None) -> None:
    if exponent is None:
        return
    if abs(exponent) > LARGEST_EXPONENT:
        raise InvalidExpression(node.column, f"an exponent that is a number goes up to {LARGEST_EXPONENT}")
    if base is not None and _bits(base) * abs(exponent) > MOST_BITS:
        raise InvalidExpression(node.column, "this number is too large, or too close to zero")


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()
