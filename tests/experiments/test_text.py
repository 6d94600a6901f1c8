"""Numbers and tables as people read them, and hints."""

import csv
import io
import math

import pytest
from markdown_it import MarkdownIt

from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import ascending, least, most
from experiments.reporting.tables import csv_of
from experiments.reporting.text import duration, first_line, listed, on_one_line
from experiments.validators import InvalidField, require_at_least, suggestion


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.2e-8, "42 ns"),
        (9.996e-7, "1000 ns"),
        (4.21e-5, "42.1 µs"),
        (9.996e-4, "1000 µs"),
        (0.0137, "13.7 ms"),
        (2.5, "2.5 s"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_table_lines_up():
    rows = [{"n": "1", "what": "a"}, {"n": "1,000", "what": "longer"}]
    assert markdown_table(rows).splitlines() == [
        "|     n | what   |",
        "| ----: | ------ |",
        "|     1 | a      |",
        "| 1,000 | longer |",
    ]


def test_a_suggestion_is_made_only_where_one_is_near():
    assert suggestion("egaer", ["eager", "graph"]) == " (did you mean eager?)"
    assert suggestion("quux", ["eager", "graph"]) == ""


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_numbers_have_a_minimum(value):
    class Owner:
        width = value

    with pytest.raises(InvalidField, match="not a number of at least 0"):
        require_at_least(Owner(), "width", 0)


HOSTILE = [
    "$50 (5%)-$100",
    r"\alpha_{1}^2",
    "a|b",
    r"a\|b",
    "ends in \\",
    "_begins with one",
    "__init__",
    "*many* of **them**",
    "`code`",
    "``",
    "<b>bold</b>",
    "<50K",
    "&lt;",
    "AT&T; &amp",
    "[a](http://b)",
    "![a](b)",
    "~~gone~~",
    "# no heading",
    "two\nlines\r\nand\ta tab",
    "bell\x07, half\ud800 a letter",
    "=1+1",
    "猫",
    "עברית",
    "हिन्दी",
    "😀",
    "x" * 70,
]
"""Names that some reader takes for something else."""


def shown_by_markdown(markdown: str) -> list[str]:
    """The text of each paragraph or cell, as a reader of GitHub's Markdown shows it. There must be nothing but text."""
    inlines = [token for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown) if token.type == "inline"]
    assert {child.type for inline in inlines for child in inline.children or []} == {"text"}
    return ["".join(child.content for child in inline.children or []) for inline in inlines]


def test_a_table_shows_names_as_they_stand():
    shown = shown_by_markdown(markdown_table([{"a|b": name, "n": "1"} for name in HOSTILE]))
    assert shown[:2] == ["a|b", "n"]
    assert shown[2::2] == [on_one_line(name) for name in HOSTILE]


def test_a_sentence_shows_names_as_they_stand():
    for name in HOSTILE:
        assert shown_by_markdown(f"the best: {literal(name)}, and so on") == [
            f"the best: {on_one_line(name)}, and so on"
        ]


def test_a_name_is_one_line_without_control_characters():
    assert on_one_line("two\nlines\r\nand\ta tab") == "two lines and a tab"
    assert on_one_line("bell\x07, half\ud800 a letter\u2028") == "bell , half a letter"


def read_csv(content: bytes) -> csv.DictReader:
    return csv.DictReader(io.StringIO(content.decode(), newline=""))


def test_csv_keeps_every_name_and_lets_no_spreadsheet_run_one():
    texts = [*HOSTILE, "-1.5", "-sin(x)/2", "+49 30 1", "a,b", 'say "a"', "-other"]
    read = list(read_csv(csv_of([{"name": text, "n": math.nan} for text in texts])))
    assert [row["n"] for row in read] == [""] * len(texts)
    assert {text: row["name"] for text, row in zip(texts, read, strict=True) if text != row["name"]} == {
        "two\nlines\r\nand\ta tab": "two\nlines\nand\ta tab",
        "=1+1": "'=1+1",
        "bell\x07, half\ud800 a letter": "bell\x07, half? a letter",
    }


@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+1+cmd|' /C calc'!A0", '-HYPERLINK("http://x")', "\t=1"])
def test_what_a_spreadsheet_would_run_is_text_in_csv(formula):
    (row,) = read_csv(csv_of([{"name": formula}]))
    assert row == {"name": f"'{formula}"}


@pytest.mark.parametrize(
    ("values", "lowest", "highest"),
    [
        ({"a": 1.0, "b": 2.0}, ["a"], ["b"]),
        ({"a": math.nan, "b": 2.0, "c": 1.0}, ["c"], ["b"]),
        ({"a": 1.0, "b": 1.0 + 1e-12, "c": 3.0}, ["a", "b"], ["c"]),
        ({"a": -0.0, "b": 0.0}, ["a", "b"], ["a", "b"]),
        ({"a": math.inf, "b": 5.0, "c": -math.inf}, ["b"], ["b"]),
        ({"a": math.nan}, [], []),
        ({}, [], []),
    ],
)
def test_nan_never_wins_and_equals_tie(values, lowest, highest):
    assert least(values, values.__getitem__) == lowest
    assert most(values, values.__getitem__) == highest
    in_order = sorted(values.values(), key=ascending)
    assert in_order == sorted(filter(math.isfinite, in_order)) + in_order[len(list(filter(math.isfinite, in_order))) :]


@pytest.mark.parametrize(
    ("names", "words"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), ([*"abcd"], "a, b and 2 more")],
)
def test_names_in_words(names, words):
    assert listed(names, most=3) == words


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("one\n\ntwo", "one"),
        (" ", "ValueError"),
        (
            "Exception encountered when calling Dense.call().\n\n\x1b[1mIncompatible: [1,4]\x1b[0m\n\nArguments",
            "Incompatible: [1,4]",
        ),
        (
            "<class 'A'> could not be deserialized.\n\nconfig={}.\n\nException encountered: No 'B'. Register it.",
            "No 'B'. Register it.",
        ),
        ("Exception encountered when calling A.\n\nException encountered: ''too long''", "too long"),
        ("Exception encountered: ", "Exception encountered:"),
        (
            'Graph execution error:\n\nDetected at node a:\n  File "x", line 1\n\n{{function_node f}} No 7.\n\t [[b]]',
            "No 7.",
        ),
        ("Graph execution error:\n\n2 root error(s) found.\n  (0) INVALID_ARGUMENT:  No 7.\n\t [[b]]", "No 7."),
    ],
)
def test_the_first_line_of_an_error_is_its_reason(message, reason):
    assert first_line(ValueError(message)) == reason
