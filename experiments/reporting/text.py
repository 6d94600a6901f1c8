"""Numbers and errors in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a time with three significant digits in the unit that suits it: ``13.7 ms``."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        value = seconds / scale
        if value >= 1:
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its type where there is no message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def one_line(error: object) -> str:
    """Return an error's whole message on one line, or the name of its type where there is no message."""
    return " ".join(str(error).split()) or type(error).__name__
