"""Numbers, names and errors in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, halves of letters, and line breaks."""

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
"""The units of a time, each with its seconds."""

TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*m")

KERAS_WRAPPING = re.compile(r"^.*\bException encountered(?: when calling [^\n]*|:)\s*(?:'')?", re.DOTALL)
"""All up to the innermost reason, in an error that layers of Keras have passed on."""

GRAPH_WRAPPING = re.compile(
    r"^(?:Graph execution error:\n"
    r"(?:(?:[ \t]*|Detected at node.*|[ \t]+File .*|<stack traces.*|.*root error\(s\).*)\n)*)?"
    r"(?:[ \t]*\(0\) [A-Z_]+:[ \t]*)?(?:\{\{function_node [^}]*\}\}[ \t]*)?"
)
"""The same for an error from within a graph of TensorFlow's."""


def duration(seconds: float) -> str:
    """Return a time with three significant digits in the unit that suits it: ``13.7 ms``."""
    unit, scale = next((one for one in UNITS if seconds >= one[1]), UNITS[-1])
    value = seconds / scale
    return f"{value:.0f} {unit}" if value >= 999.5 else f"{value:.3g} {unit}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its type where there is no message.

    Keras and TensorFlow put it behind lines of their own, such as "Exception encountered when calling ..." and "Graph
    execution error:". These are skipped.
    """
    said = TERMINAL_CODE.sub("", str(error))
    reason = GRAPH_WRAPPING.sub("", KERAS_WRAPPING.sub("", said)).removesuffix("''")
    lines = [line.strip() for line in (reason if reason.strip() else said).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def one_line(error: object) -> str:
    """Return an error's whole message on one line, or the name of its type where there is no message."""
    return " ".join(str(error).split()) or type(error).__name__


def on_one_line(text: str) -> str:
    """Return a text with blanks in place of line breaks and control characters."""
    return " ".join("".join(" " if unicodedata.category(one) in INVISIBLE else one for one in text).split())


def shortened(text: str, most: int) -> str:
    """Return a text of at most ``most`` letters; an ellipsis tells that something is left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names as words: ``a, b and c``, or ``a, b and 7 more`` where there are more than ``most``."""
    shown = [*names[: most - 1], f"{len(names) - most + 1} more"] if len(names) > most else list(names)
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
