"""Tables as CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.recorder import Cell, Row

FORMULA = re.compile(r"[=@\t\r]|[+-](?![\w\s+\-*/^(),.]*$)")
"""The beginning of a text that a spreadsheet would run as a formula.

A name in somebody else's data can be ``=HYPERLINK(...)``. Numbers and plain arithmetic, such as ``-sin(x)``, reach
nothing, and stay as they are.
"""


def csv_of(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV (RFC 4180, UTF-8) with a column for each key; NaN and None are empty cells.

    An apostrophe stands before a text that a spreadsheet would run as a formula: for it, what follows is text.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    if columns:
        writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
        writer.writerow({column: _cell(column) for column in columns})
        writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)
    return text.getvalue().encode(errors="replace")  # half a letter cannot be encoded


def _cell(value: Cell) -> Cell:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str):
        safe = f"'{value}" if FORMULA.match(value) else value
        return safe.replace("\r\n", "\n").replace("\r", "\n")  # csv quotes the one, and not the other
    return value
