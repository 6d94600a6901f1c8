"""Markdown that is readable in a plain terminal, too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from experiments.reporting.text import on_one_line

MARKS = re.compile(
    r"""
    (?P<backslash> [|`]                    # ends a cell; begins code
    | \*(?!\s) | (?<!\s)\*                 # emphasis, unless it stands alone: 2 * 3
    | _(?![^\W_]) | (?<![^\W_])_           # emphasis, unless it is within a word: batch_size
    | ~(?=~) | \](?=\()                    # struck out; a link
    | \\(?=[!-/:-@\[-`{-~]|$))             # takes the meaning of a sign that follows
    | (?P<less> <(?=[A-Za-z/!?]))          # HTML
    | (?P<and> &(?=\#?\w+;))               # an entity of HTML
    """,
    re.VERBOSE,
)
"""What Markdown would not show as it stands."""


def literal(text: str) -> str:
    """Return Markdown that shows ``text`` as it stands, on one line, in a table's cell as in a sentence."""

    def shown(found: re.Match[str]) -> str:
        return {"less": "&lt;", "and": "&amp;"}.get(str(found.lastgroup), f"\\{found[0]}")

    return MARKS.sub(shown, on_one_line(text))


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table with one column for each key of ``rows``, padded to line up; numbers are aligned to the right.

    Cells are plain text, which is shown as it stands.
    """
    names = list(rows[0])
    cells = [[literal(text) for text in line] for line in (names, *([row[name] for name in names] for row in rows))]
    columns = list(zip(*cells, strict=True))
    widths = [max(3, *map(_columns_of, column)) for column in columns]
    to_the_right = [all(cell[:1].isdigit() for cell in column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(_padded, cells, widths, to_the_right))} |"

    rule = ["-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, to_the_right, strict=True)]
    return "\n".join(map(line, [cells[0], rule, *cells[1:]]))


def _padded(text: str, width: int, to_the_right: bool) -> str:
    space = " " * (width - _columns_of(text))
    return space + text if to_the_right else text + space


def _columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a Chinese letter, none for an accent."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else not unicodedata.combining(one) for one in text)
