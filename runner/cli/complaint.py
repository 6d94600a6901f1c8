"""What is wrong, as the one line that every program of this project prints for it."""

from __future__ import annotations

import sys

from runner.addresses import without_credentials

LONGEST = 1000
"""The most characters of a line; of a longer one the middle is left out."""


def complain(program: str, problem: str) -> None:
    """Print a problem on standard error, in one line, without passwords."""
    print(f"{program}: {in_one_line(without_credentials(problem))}", file=sys.stderr)


def in_one_line(text: str) -> str:
    r"""Return a text on one line of bounded length. What cannot be seen is spelt out: it could fool a terminal.

    >>> print(in_one_line("first\nsecond \x1b[31m \u202e"))
    first second \x1b[31m \u202e
    """
    line = " ".join(text.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)
