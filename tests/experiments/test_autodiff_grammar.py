"""A text that is no expression is refused at once, in one line with a column; nothing in it is executed."""

from __future__ import annotations

import keyword
import os
import re
import sys
import time

import pytest

from experiments.autodiff import Autodiff
from experiments.validators import InvalidField

HOSTILE = {
    "attribute": ("x.real", "attribute"),
    "dunder attribute": ("x.__class__.__mro__", "attribute"),
    "method": ("sin.__call__(x)", "attribute"),
    "classes of a constant": ("().__class__.__bases__[0].__subclasses__()", "attribute"),
    "import": ("__import__('os').system('touch executed')", "attribute"),
    "open": ("open('executed', 'w')", "no function open"),
    "exec": ("exec('import antigravity')", "no function exec"),
    "eval": ("eval('x')", "no function eval"),
    "getattr": ("getattr(x, 'real')", "no function getattr"),
    "dunder name": ("__builtins__", "no name of a variable"),
    "call of a text": ("'sin'(x)", "only a function's name"),
    "call of a call": ("sin(x)(x)", "only a function's name"),
    "text": ("x + 'x'", "text in quotes"),
    "bytes": ("b'x'*x", "text in quotes"),
    "f-string": ("f'{open(1)}'", "f-string"),
    "lambda": ("(lambda: x)()", "lambda"),
    "comprehension": ("sum([x for x in y])", "comprehension"),
    "generator": ("sum(x for x in y)", "comprehension"),
    "walrus": ("(x := 2)", "assignment"),
    "assignment": ("x = 2", "cannot be read"),
    "statement": ("import os", "cannot be read"),
    "two statements": ("x; y", "no meaning"),
    "line break": ("x\ny", "no meaning"),
    "comment": ("x # y", "no meaning"),
    "backslash": ("x + \\", "no meaning"),
    "null byte": ("x\0", "no meaning"),
    "index": ("x[0]", "index"),
    "list": ("sum([1, 2])", "a list"),
    "tuple": ("x, y", "comma"),
    "star": ("sin(*x)", "star"),
    "named argument": ("sin(x=1)", "argument with a name"),
    "unpacked names": ("sin(x, **y)", "argument with a name"),
    "await": ("await x", "not in the grammar"),
    "ternary": ("x if x > 0 else 1", "if ... else"),
    "and": ("where(x > 0 and x < 1, x, 1)", "comparison"),
    "chain": ("where(0 < x < 1, x, 1)", "chain"),
    "comparison": ("x > 0", "comparison outside"),
    "where without comparison": ("where(x, 1, 2)", "first argument of where"),
    "caret": ("x ^ 2", "a power is written **"),
    "matrix product": ("A @ x", "use dot"),
    "remainder": ("x % 2", "operator %"),
    "None": ("None", "not in the grammar"),
    "True": ("x + True", "not in the grammar"),
    "ellipsis": ("x + ...", "not in the grammar"),
    "imaginary": ("x + 1j", "imaginary"),
    "unknown function": ("sine(x)", "did you mean sin?"),
    "too few arguments": ("maximum(x)", "takes 2 arguments, not 1"),
    "a function as a variable": ("sin + x", "write sin(...)"),
    "open bracket": ("sin(x", "cannot be read"),
    "closed bracket": ("sin(x))", "cannot be read"),
    "two operators": ("x */ 2", "cannot be read"),
    "nothing": ("   ", "there is no expression"),
    "huge base": ("x*10**999", "too large"),
    "Cyrillic x": ("\u0445 + 1", "CYRILLIC SMALL LETTER HA"),
    "ligature": ("\ufb01 + x", "LATIN SMALL LIGATURE FI"),
    "minus sign": ("x \u2212 1", "MINUS SIGN"),
    "full-width bracket": ("sin\uff08x)", "FULLWIDTH LEFT PARENTHESIS"),
    "superscript": ("x\u00b2", "SUPERSCRIPT TWO"),
    "right to left": ("x \u202e+ 1", "RIGHT-TO-LEFT OVERRIDE"),
    "huge number": ("x + 1e999", "too large"),
    "huge whole number": ("x + " + "9" * 400, "too large"),
    "huge power": ("x*9**9**9", "goes up to 1000"),
    "tower": ("x*2**2**2**2**2**2", "goes up to 1000"),
    "huge exponent": ("x**1000000000", "goes up to 1000"),
    "power of powers": ("((x*0 + (10**300)**300))", "too large"),
    "tiny power": ("x*10**-9999", "goes up to 1000"),
    "divides by zero": ("x*(1/(2 - 2))", "divides by zero"),
    "deep nesting": ("sin(" * 300 + "x" + ")" * 300, "nested"),
    "deeper than Python reads": ("(" * 900 + "x" + ")" * 900, "read"),
    "many minuses": ("-" * 1500 + "x", "nested"),
    **{
        f"{word} as a variable": (f"{word}*x**2", f"'{word}' is a word of Python's own")
        for word in keyword.kwlist
        if word not in ("None", "True", "False")
    },
    "lambda as a variable": ("lambda*x**2", "choose another, such as lambda_"),
    "a keyword in a call": ("sin(in)", "column 5: this cannot be read: 'in' is a word of Python's own"),
    "long": ("x+" * 1000 + "x", "at most 2000 characters"),
    "long name": ("x" * 40, "at most 30 characters"),
}
"""For each kind of invalid text: the text, and a part of the message."""


@pytest.fixture
def nothing_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert os.listdir() == []
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(("text", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_in_the_grammar_is_refused(nothing_executed, text, says):
    since = time.monotonic()
    with pytest.raises(InvalidField) as error:
        Autodiff(expression=text, at={"x": 1, "y": 1, "A": 1})
    assert time.monotonic() - since < 30  # some would take hours
    assert error.value.field == "expression"
    line = str(error.value)
    assert re.match(r"column \d+: ", line), line
    assert says in line
    assert line.isprintable()
    assert len(line) < 600


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({"expression": "x*y", "at": {"x": 1}}, "at", "no value for y"),
        ({"expression": "x", "at": {"x": 1}, "wrt": ["z"]}, "at", "no value for z"),
        ({"expression": "3"}, "wrt", "has no variable"),
        ({"expression": "x", "at": {"x": "open('f')"}}, "at", "not a number"),
        ({"expression": "x", "at": {"x": True}}, "at", "not a number"),
        ({"expression": "x", "at": {"x": None}}, "at", "not a number"),
        ({"expression": "x", "at": {"x": float("nan")}}, "at", "not finite"),
        ({"expression": "x", "at": {"x": []}}, "at", "0 elements"),
        ({"expression": "x", "at": {"x": [1] * 1001}}, "at", "1001 elements"),
        ({"expression": "sum(x)", "at": {"x": [[1, 2], [3]]}}, "at", "different lengths"),
        ({"expression": "x", "at": {"x": 10**400}}, "at", "beyond 1.8e308"),
        ({"expression": "tau*x", "at": {"x": 1}}, "at", "no value for tau"),
        ({"expression": "sum(x)", "at": {"x": [[[1]]]}}, "at", "more than two dimensions"),
        ({"expression": "sum(x + y)", "at": {"x": [1, 2], "y": [1, 2, 3]}}, "expression", "column 7: + cannot take"),
        ({"expression": "dot(x, 2)", "at": {"x": [1, 2]}}, "expression", "use *"),
        ({"expression": "dot(A, x)", "at": {"A": [[1, 2]], "x": [1, 2, 3]}}, "expression", "dot cannot take"),
        ({"expression": "exp(x)", "at": {"x": [1, 2]}}, "derivative", "has the shape [2]"),
        ({"expression": "sum(x)", "at": {"x": [1, 2]}, "order": 2}, "order", "hessian"),
        ({"expression": "x", "at": {"x": 1}, "order": 6}, "order", "1 to 5"),
        ({"expression": "x", "at": {"x": 1}, "derivative": "hessian", "order": 2}, "order", "belongs to"),
        ({"expression": "x", "at": {"x": [1] * 50}, "derivative": "jacobian"}, "derivative", "2500 entries"),
        ({"expression": "x", "at": {"x": 1}, "derivative": "hvp", "direction": {"x": [1]}}, "direction", "shape"),
        ({"expression": "x", "at": {"x": 1}, "derivative": "hvp", "direction": {"y": 1}}, "direction", "for x"),
        ({"dtype": "int8"}, "dtype", "int8"),
        ({"method": "backward"}, "method", "backward"),
    ],
)
def test_what_does_not_go_together_is_refused_by_field(settings, field, says):
    with pytest.raises(InvalidField) as error:
        Autodiff(**settings)
    assert error.value.field == field
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [("-x**2", -9, -6), ("2**-x", 0.125, -0.08664339756999316), ("x - 1 - 1", 1, 1), (" ( x ) ", 3, 1)],
)
def test_signs_bind_as_in_python(on_device, recorder, text, value, slope):
    Autodiff(expression=text, at={"x": 3}, dtype="float64", all_ways=False).run(recorder)
    assert recorder.metrics["value", 0] == value
    assert recorder.metrics["derivative/x", 0] == pytest.approx(slope, rel=1e-15)
