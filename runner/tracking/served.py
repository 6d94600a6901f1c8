"""The server of the UI leaves its port in the store that it shows, so that links lead to it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.tracking.process import identity, is_alive

FILE = "ui.json"


@contextmanager
def announced(store: Path, port: int) -> Iterator[None]:
    """Let :func:`port_of` know, within this context, that this process serves a store at ``port``.

    Of several servers of a store the last one is known; when it ends, the one that was known before, if it still runs.
    """
    own = json.dumps({"port": port, "host": socket.gethostname(), "process": identity(os.getpid())})
    path = store / FILE
    earlier = _text_of(path)
    with suppress(OSError):  # a store that is only read
        path.write_text(own)
    try:
        yield
    finally:
        with suppress(OSError):
            if _text_of(path) == own:
                path.unlink() if _port_in(earlier) is None else path.write_text(earlier)


def port_of(store: Path) -> int | None:
    """Return the port at which a store is served on this machine; None if it is not, or no longer."""
    return _port_in(_text_of(store / FILE))


def _text_of(path: Path) -> str:
    """Return what a file holds; nothing if it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _port_in(announcement: str) -> int | None:
    """Return the port that a running server of this machine has announced; None where it is none."""
    try:
        found = json.loads(announcement)
        if found["host"] != socket.gethostname() or not is_alive(found["process"]):
            return None
        return int(found["port"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
