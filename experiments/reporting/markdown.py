"""Markdown that is readable in a plain terminal, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table with one column for each key of ``rows``, padded to line up; numbers are aligned to the right."""
    columns = list(rows[0])
    width = {column: max(len(column), 3, *(len(row[column]) for row in rows)) for column in columns}
    right = {column: all(row[column][:1].isdigit() for row in rows) for column in columns}

    def line(cells: Mapping[str, str]) -> str:
        padded = (cells[c].rjust(width[c]) if right[c] else cells[c].ljust(width[c]) for c in columns)
        return f"| {' | '.join(padded)} |"

    rule = {c: "-" * (width[c] - 1) + (":" if right[c] else "-") for c in columns}
    return "\n".join([line({c: c for c in columns}), line(rule), *(line(row) for row in rows)])
