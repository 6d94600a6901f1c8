"""The errors that end a command, and its exit statuses."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of ``python -m runner``; after a signal it is 128 plus the signal's number, as in a shell."""

    OK = 0
    FAILED = 1
    WRONG_INPUT = 2

    @staticmethod
    def of_signal(number: signal.Signals) -> int:
        """Return the exit status of a process that a signal has ended."""
        return 128 + number


class UserError(Exception):
    """An error that the user can correct: one sentence that says what is wrong, where, and what to do."""

    exit_status = ExitStatus.WRONG_INPUT


class StoreError(UserError):
    """The tracking store cannot be used, or has failed."""
