"""The conductor's side of a job: a lab process, started, listened to, interrupted, ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from tempfile import mkstemp
from typing import Any

from runner.config.validation import Parts
from runner.execution.fork_servers import ForkServers
from runner.messages import GO, Assignment, Ended, Outcome, Record, Started, StoredInputs

GRACE_SECONDS = 6.0
"""How long an interrupted lab may take to hand over what it has."""

MOST_LATE = 20
"""Messages that an interrupted lab may still hand over after that: the conductor may have been slow, not the lab."""

Message = Started | list[Record] | Ended


class WorkerProcess:
    """A fresh process with TensorFlow in it, for one job.

    Whenever :attr:`connection` is ready, :meth:`receive` takes what the lab says. The last message is an
    Ended, whatever happens; it stays in :attr:`ended`.
    """

    def __init__(self, servers: ForkServers, parts: Parts, known: Mapping[str, Any], memory_bytes: int | None) -> None:
        """Asks for a lab and gives it its work: it starts TensorFlow and waits for :meth:`go`."""
        self.ended: Ended | None = None
        self.deadline: float | None = None
        """When to give up waiting for an interrupted lab, on time.monotonic's clock."""
        self._pid: int | None = None
        descriptor, name = mkstemp(suffix=".log", dir=servers.folder)
        os.close(descriptor)
        self._log = Path(name)
        self._servers = servers
        self._server = servers.of(parts)
        self._number, self.connection = self._server.fork()
        self._is_collected = False
        self._signals, self._late = 0, 0
        self._send((Assignment(parts.experiment, parts.device, known, memory_bytes), self._log))

    def receive(self) -> Message | None:
        """The next message, when there is one; None is nothing of interest."""
        assert self.ended is None
        try:
            message = self.connection.recv()
        except (EOFError, OSError, UnpicklingError):  # it died, perhaps in the middle of a word
            return self._end(Ended(Outcome.DIED, self._cause_of_death()))
        if isinstance(message, int):
            self._pid = message
            if self._signals:  # it could not hear them yet
                self._send_signal()
            return None
        self._late += self._is_overdue()
        if self._late > MOST_LATE:  # it has not heard, and goes on as if nothing were
            self._signal(signal.SIGKILL)
        return self._end(message) if isinstance(message, Ended) else message

    def begin(self, given: StoredInputs) -> None:
        """Lets the experiment begin, with what it may ask for: the lab waits after Started."""
        self._send(given)

    def go(self) -> None:
        """Lets the lab go on: it waits after each batch."""
        self._send(GO)

    def interrupt(self) -> None:
        """Asks the lab to hand over what it has and end; a second time, ends it at once.

        One of which nothing has been heard yet need not be waited for.
        """
        self._signals += 1
        if self._pid is None:
            self.deadline = 0.0
        else:
            self._send_signal()

    def _send_signal(self) -> None:
        is_first = self._signals == 1
        self.deadline = time.monotonic() + GRACE_SECONDS if is_first else 0.0
        self._signal(signal.SIGINT if is_first else signal.SIGKILL)

    def interrupt_if_going(self) -> None:
        """Asks the lab to end unless it has, or was asked already."""
        if self.ended is None and self.deadline is None:
            self.interrupt()

    def give_up_if_due(self) -> Ended | None:
        """Ends an interrupted lab that has not answered in time."""
        if not self._is_overdue():
            return None
        if self._pid is None:  # perhaps it is its server that hangs: the next lab gets another one
            self._give_back()
            self._servers.drop(self._server)
        self._signal(signal.SIGKILL)
        return self._end(Ended(Outcome.INTERRUPTED))

    def _is_overdue(self) -> bool:
        return self.ended is None and self.deadline is not None and time.monotonic() > self.deadline

    def output(self) -> bytes:
        """What has been printed in the lab, TensorFlow's own lines included; the server's where it never began."""
        outputs = (log.read_bytes() for log in (self._log, self._server.log) if log.exists())
        return next((output for output in outputs if output), b"")

    def close(self) -> None:
        """Ends the process. It has nothing more to say: its memory need not be tidied up first."""
        self._signal(signal.SIGKILL)
        self._give_back()
        self.connection.close()
        self._log.unlink(missing_ok=True)

    def _give_back(self) -> None:
        """The server ends it, too: perhaps it could not say yet which process it is."""
        if not self._is_collected:
            self._server.forget(self._number)
            self._pid, self._is_collected = None, True

    def _end(self, ended: Ended) -> Ended:
        self.ended = ended
        return ended

    def _send(self, message: object) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it died; receive says so
            self.connection.send(message)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _cause_of_death(self) -> str:
        announced = self._pid is not None
        exit_code = self._server.wait(self._number)
        self._pid, self._is_collected = None, True
        if exit_code is None:
            self._servers.drop(self._server)
            return "the lab process ended after its server" if announced else "the lab server could not make the lab"
        if exit_code >= 0:
            return f"the lab process ended with status {exit_code} and without a result"
        name = signal.Signals(-exit_code).name
        cause = "; the system kills so when memory runs out" if name == "SIGKILL" else ""
        return f"the lab process was killed by {name}{cause}"
