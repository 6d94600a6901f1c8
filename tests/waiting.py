"""Waiting for something that happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 600.0
"""Seconds until a test gives up waiting. They only end a test that hangs: a busy machine may take its time."""

SOON = 60.0
"""Seconds in which what was told to end has ended: less than it would go on by itself, so that a survivor is seen."""


def wait_until(happened: Callable[[], bool], what: str, seconds: float = PATIENCE, pause: float = 0.1) -> None:
    """Returns when ``happened()`` is true, looking every ``pause`` seconds; fails after so many ``seconds``."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
