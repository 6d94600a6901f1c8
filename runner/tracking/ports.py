"""Who listens at a port of this machine."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import PurePath

import psutil

from runner.tracking.store import UI_HOST

UI = ("runner.ui", "runner-ui")
"""How the command line of our own UI names it."""


def is_free(port: int) -> bool:
    """Return whether a server can listen at a port. Raises OSError and OverflowError for one that nobody may have."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((UI_HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def next_free(port: int) -> int:
    """Return the next free port after one."""
    return next(other for other in range(port + 1, 2**16) if is_free(other))


def answers(port: int) -> bool:
    """Return whether anybody listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex((UI_HOST, port)) == 0


def is_of(family: int, port: int) -> bool:
    """Return whether a process, or one that it has started at any remove, listens at a port."""
    with suppress(psutil.Error):
        first = psutil.Process(family)
        return any(_listens(one, port) for one in (first, *first.children(recursive=True)))
    return False


def listener(port: int) -> str:
    """Return who listens at a port, as far as this system tells: never its words, which may hold a password."""
    with suppress(psutil.Error):
        mine = (one for one in psutil.process_iter() if _listens(one, port))
        if (found := next(mine, None)) is not None:
            ours = (one for one in (found, *found.parents()) if _is_ui(one))
            ui = next(ours, None)
            return f"python -m runner.ui, process {ui.pid}" if ui else f"{found.name()}, process {found.pid}"
    return "another program"


def _listens(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.Error):
        found = process.net_connections("tcp")
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)
    return False


def _is_ui(process: psutil.Process) -> bool:
    return any(PurePath(word).name in UI for word in process.cmdline())
