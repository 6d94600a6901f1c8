"""Waiting for something that happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 30, pause: float = 0.1) -> None:
    """Returns when ``happened()`` is true; fails after so many seconds, looking every ``pause`` seconds."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
