"""Telling a process from another one that has got its number: the tag of a run's owner."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")

CLOCK_SECONDS = 60.0
"""The tolerance for a start that is told by the clock, which may be set meanwhile."""


def identity(pid: int) -> str:
    """Return a process's number, its start and the boot of the machine as a text.

    On Linux the start is counted in ticks since the boot, so that it stays the same when the clock is set, as on a
    virtual machine whose host has slept. Elsewhere, and in runs of earlier versions, it is told by the clock.
    """
    if boot := _boot():
        return f"{pid} {_status(pid)[START]} {boot}"
    return f"{pid} {psutil.Process(pid).create_time():.0f}"


def is_alive(identity: str) -> bool:
    """Return whether the process with this :func:`identity` is still running.

    Of one that nobody else may look at, as some systems have it, only its number is known.
    """
    try:
        number, start, *boot = identity.split()
        return _is_same(int(number), start, boot[0]) if boot else _is_same_by_the_clock(int(number), float(start))
    except ValueError:
        return False


STATE, START = 0, 19
"""Places in what the system says of a process behind its name."""


def _status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@cache
def _boot() -> str:
    """Return the name of this boot of the machine; empty where the system gives it none."""
    return BOOT.read_text().strip() if BOOT.exists() else ""


def _is_same(pid: int, start: str, boot: str) -> bool:
    if boot != _boot():
        return False
    try:
        status = _status(pid)
    except PermissionError:
        return True
    except (FileNotFoundError, ProcessLookupError):
        return _is_hidden(pid)
    return status[START] == start and status[STATE] != "Z"


def _is_same_by_the_clock(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return _is_hidden(pid)


def _is_hidden(pid: int) -> bool:
    """Return whether a process that cannot be seen is there all the same, as another user's may be."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        pass
    return False
