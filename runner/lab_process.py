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

from runner.lab_servers import LabServers
from runner.messages import GO, Assignment, Ended, Given, Outcome, Record, Started
from runner.validation import Parts

GRACE_SECONDS = 6.0
"""How long an interrupted lab may take to hand over what it has."""

Message = Started | list[Record] | Ended


class LabProcess:
    """A fresh process with TensorFlow in it, for one job.

    Whenever :attr:`connection` is ready, :meth:`receive` takes what the lab says. The last message is an
    Ended, whatever happens; it stays in :attr:`ended`.
    """

    def __init__(self, servers: LabServers, parts: Parts, known: Mapping[str, Any], memory_bytes: int | None) -> None:
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
            return None
        return self._end(message) if isinstance(message, Ended) else message

    def begin(self, given: Given) -> None:
        """Lets the experiment begin, with what it may ask for: the lab waits after Started."""
        self._send(given)

    def go(self) -> None:
        """Lets the lab go on: it waits after each batch."""
        self._send(GO)

    def interrupt(self) -> None:
        """Asks the lab to hand over what it has and end; a second time, ends it at once."""
        again = self.deadline is not None
        self.deadline = 0.0 if again or self._pid is None else time.monotonic() + GRACE_SECONDS
        self._signal(signal.SIGKILL if again else signal.SIGINT)

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

    def kill_if_due(self) -> None:
        """Ends one that goes on talking after it was interrupted; what it has said is still there to be received."""
        if self._is_overdue():
            self._signal(signal.SIGKILL)

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
