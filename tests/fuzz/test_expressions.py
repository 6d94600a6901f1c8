"""Any text is an expression, or is refused in a line that names the column; nothing in it is executed."""

from __future__ import annotations

import builtins
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.autodiff.expression import InvalidExpression
from experiments.autodiff.grammar import parse

WORDS = st.sampled_from(
    ["x", "sin", "where", "dot", "(", ")", "+", "-", "*", "/", "**", "<", "==", ",", " ", "1", "2.5", "1e309", "1j",
     "'a'", "lambda", "if", "else", "not", ":=", "[", "]", "{", "}", ".", "__import__", "eval", "9" * 400,
     "0x", "0_", "\\", "#", ";", "\n", "\0", "f'{x}'", "~", "@", "%", "//", "True", "None", "yield", "await", "*x",
     "**x", "\u202e", "٣"]
)  # fmt: skip


def _is_clear(text: str) -> bool:
    """Parse a text; return whether it is an expression, after checking what is said otherwise."""
    try:
        parse(text)
    except InvalidExpression as error:
        said = str(error)
    else:
        return True
    assert said.startswith("column ")
    assert len(said.splitlines()) == 1
    return False


@settings(deadline=None, max_examples=400)
@given(st.lists(WORDS, max_size=30).map("".join))
def test_pieces_of_python(text):
    _is_clear(text)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200))
def test_any_text(text):
    _is_clear(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + "x" + ")" * 300, "-" * 3000 + "x", "x" + "+x" * 1500, "x**" * 300 + "x", "9**9**9**9",
        "1e300*1e300", "2**(2**20)", "sin(" * 240 + "x" + ")" * 240, "where(" * 100 + "x", "x" * 2001,
        "dot(" + "x," * 500 + "x)", "((((",
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_would_fill_the_memory_or_the_stack(text):
    _is_clear(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')", "().__class__", "open('x')", "eval('1')", "exec('1')", "x.__class__", "x[0]",
        "(lambda: x)()", "[x for x in x]", "print(x)", "f'{open}'", "(x := 1)", "x if x else x", "sin(x=1)", "sin(*x)",
    ],
)  # fmt: skip
def test_nothing_is_executed(text):
    with (
        mock.patch.object(builtins, "eval", side_effect=AssertionError),
        mock.patch.object(builtins, "exec", side_effect=AssertionError),
        mock.patch.object(builtins, "open", side_effect=AssertionError),
    ):
        assert not _is_clear(text)
