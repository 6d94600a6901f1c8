"""Names of runs, made of the overrides that distinguish them."""

from __future__ import annotations

from collections.abc import Sequence

from runner.config.question import is_asked, key_of

LENGTH, DIGITS = 60, 8


def run_name(device: str, overrides: Sequence[str]) -> str:
    """Name a run after its overrides, then its device: the UI cuts names after about 12 characters.

    ``device`` is the device that computed, such as ``CPU:0``; empty if none did.

    >>> run_name("CPU:0", ["experiment=matmul", "experiment.shape=square", "device.onednn=false"])
    'square onednn=false CPU:0'
    """
    telling = [override for override in overrides if not override.lstrip("+").startswith(("experiment=", "device="))]
    return " ".join([*words_of(telling), device])[:LENGTH].strip() or "job"


def words_of(overrides: Sequence[str]) -> list[str]:
    """Shorten overrides: a word stands alone, any other value follows the last part of its key."""
    return [word for override in overrides if (word := _word(override))]


def _word(override: str) -> str | None:
    key, value = key_of(override), override.partition("=")[2].strip("'\"")
    if not is_asked(key) or not value:
        return None
    speaks_for_itself = value[:1].isalpha() and value.lower() not in ("true", "false", "null")
    return value if speaks_for_itself else f"{key.rpartition('.')[2]}={_shortened(value)}"


def _shortened(value: str) -> str:
    """Round a long number: those drawn by a search have more digits than anybody reads."""
    try:
        return f"{float(value):.5g}" if len(value) > DIGITS else value
    except ValueError:
        return value
