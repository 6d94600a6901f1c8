"""Words that every experiment uses."""

from __future__ import annotations

from experiments.runtime.device import current


def duration(seconds: float) -> str:
    """Three digits and the unit that suits them."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        value = seconds / scale
        if value >= 1:
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def first_line(error: BaseException) -> str:
    """What an error of a library says; its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def one_line(error: object) -> str:
    """All that an error of a library says, on one line; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def where() -> str:
    """Deprecated: take ``Placement.title`` as a value instead."""
    return current().title
