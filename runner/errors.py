"""What ends a run before its answer, and the exit status that says so."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses of ``python -m runner``; a signal ends it with 128 plus its number, as in a shell."""

    OK = 0
    FAILED = 1
    WRONG_INPUT = 2

    @staticmethod
    def of_signal(number: signal.Signals) -> int:
        """The status of a process that a signal has ended."""
        return 128 + number


class UserError(Exception):
    """Something its user can put right: one sentence that says what, where, and what to do."""

    exit_status = ExitStatus.WRONG_INPUT


class StoreError(UserError):
    """The tracking store cannot be used, or no longer."""
