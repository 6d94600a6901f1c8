"""The conductor's side of a job: a lab process, started, listened to, interrupted, ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

from runner import lab
from runner.messages import GO, Ended, Job, Outcome, Record, Started

GRACE_SECONDS = 6.0
"""How long an interrupted lab may take to hand over what it has."""


class LabProcess:
    """A fresh process with TensorFlow in it, for one job.

    What the lab says comes from :meth:`started` and :meth:`batches`; when either is through,
    :attr:`ended` tells how it went.
    """

    def __init__(self, job: Job, log: Path) -> None:
        self.ended: Ended | None = None
        self._deadline: float | None = None
        self._log = log
        context = multiprocessing.get_context("spawn")
        self._connection, its_connection = context.Pipe()
        self._process = context.Process(target=lab.run, args=(its_connection, job, log), name="lab")
        resource_tracker.ensure_running()  # else starting the process starts it, and that resets the mask
        # The mask is inherited: no signal can reach the lab before it is ready for one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, lab.SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its_connection.close()

    def started(self) -> Started | None:
        """Waits until TensorFlow is up; None if it ended instead."""
        message = self._receive()
        return message if isinstance(message, Started) else None

    def batches(self) -> Iterator[list[Record]]:
        """Lets the experiment run and yields what it records; it waits while a batch is worked on."""
        self._send_go()
        while isinstance(message := self._receive(), list):
            yield message
            self._send_go()

    def interrupt(self) -> None:
        """Asks the lab to hand over what it has and end; a second time, ends it at once."""
        if self._deadline is not None:
            self._deadline = 0.0
        else:
            self._deadline = time.monotonic() + GRACE_SECONDS
        self._signal(signal.SIGINT if self._deadline else signal.SIGKILL)

    def interrupt_if_going(self) -> None:
        """Asks the lab to end unless it has, or was asked already."""
        if self.ended is None and self._deadline is None:
            self.interrupt()

    def output(self) -> bytes:
        """What has been printed in the lab, TensorFlow's own lines included."""
        return self._log.read_bytes() if self._log.exists() else b""

    def close(self) -> None:
        """Ends the process. It has nothing more to say: its memory need not be tidied up first."""
        self._signal(signal.SIGKILL)
        self._process.join()
        self._connection.close()

    def _receive(self) -> Started | list[Record] | None:
        """The next message; None at the end, with :attr:`ended` set."""
        while not self._connection.poll(0.5):
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._signal(signal.SIGKILL)
                self.ended = Ended(Outcome.INTERRUPTED)
                return None
        try:
            message = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            self.ended = Ended(Outcome.DIED, _cause_of_death(self._process.exitcode))
            return None
        if isinstance(message, Ended):
            self.ended = message
            return None
        return message  # type: ignore[no-any-return]  # a pipe carries anything; lab.py sends these

    def _send_go(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it died; _receive says so
            self._connection.send(GO)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.pid is not None and self._process.exitcode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"the lab process ended with status {exit_code} and without a result"
    name = signal.Signals(-exit_code).name
    cause = "; the system kills so when memory runs out" if name == "SIGKILL" else ""
    return f"the lab process was killed by {name}{cause}"
