"""Numbers and tables as people read them, and hints."""

import pytest

from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration
from experiments.validators import InvalidField, require_at_least, suggestion


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.2e-8, "42 ns"),
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
