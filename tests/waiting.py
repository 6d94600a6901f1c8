"""Waiting for something that happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 600.0
"""Seconds until a test gives up waiting. They only end a test that hangs: a busy machine may take its time."""


def wait_until(happened: Callable[[], bool], what: str, pause: float = 0.1) -> None:
    """Returns when ``happened()`` is true, looking every ``pause`` seconds; fails when patience is at its end."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(pause)
