"""The scheduler's side of a worker: it is started, heard, interrupted and ended."""

from __future__ import annotations

import math
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from tempfile import mkstemp

from runner.config.validation import Parts
from runner.execution.fork_servers import ForkServers
from runner.messages import GO, Assignment, Ended, Outcome, Record, Started, StoredInputs, Yielded

GRACE_SECONDS = 6.0
"""How long an interrupted worker may take to hand over what it has."""

MOST_LATE = 20
"""How many messages may come after that from an interrupted worker: the scheduler may be slow, not the worker."""

Message = Started | list[Record] | Yielded | Ended


class WorkerProcess:
    """A fresh process with TensorFlow in it, for one job.

    Whenever its file descriptor is readable, :meth:`receive` takes the next message. The last message is an
    Ended, whatever happens; it stays in :attr:`ended`.
    """

    def __init__(self, servers: ForkServers, parts: Parts, assignment: Assignment) -> None:
        """Ask for a worker and give it its work: it starts TensorFlow and waits for :meth:`begin`."""
        self.ended: Ended | None = None
        self._asked: signal.Signals | None = None
        """The last signal that the worker got, or gets as soon as its process is known."""
        self._deadline = math.inf
        """When to give up waiting for an interrupted worker, on ``time.monotonic``'s clock."""
        self._pid: int | None = None
        descriptor, name = mkstemp(suffix=".log", dir=servers.folder)
        os.close(descriptor)
        self._log = Path(name)
        self._servers = servers
        self._server = servers.of(parts)
        self._number, self._connection = self._server.fork()
        self._is_collected = False
        self._late = 0
        self._send((assignment, self._log))

    def fileno(self) -> int:
        """The file descriptor that is readable when there is a message."""
        return self._connection.fileno()

    def wait(self, seconds: float) -> bool:
        """Wait up to so many seconds for a message; return whether there is one."""
        return self._connection.poll(seconds)

    def receive(self) -> Message | None:
        """The next message; None for one that concerns only this class."""
        assert self.ended is None
        try:
            message = self._connection.recv()
        except (EOFError, OSError, UnpicklingError):  # it died, perhaps in the middle of a message
            return self._end(Ended(Outcome.DIED, self._cause_of_death()))
        if isinstance(message, int):
            self._pid = message
            if self._asked:  # until now it could not be signalled
                self._ask(self._asked)
            return None
        self._late += self.is_overdue
        if self._late > MOST_LATE:  # it ignores the interrupt
            self._signal(signal.SIGKILL)
        return self._end(message) if isinstance(message, Ended) else message

    def begin(self, given: StoredInputs) -> None:
        """Let the experiment begin, with the inputs it may ask for: the worker waits after Started."""
        self._send(given)

    def go(self) -> None:
        """Let the worker go on: it waits after each batch of records."""
        self._send(GO)

    def go_on_in(self, cycle: int) -> None:
        """Let a worker go on that has yielded, in this cycle of all that measure beside each other."""
        self._send(cycle)

    def interrupt(self) -> None:
        """Ask the worker to hand over what it has and end, unless it has ended or been asked.

        A worker that has not yet said its process number is not waited for.
        """
        if self.ended is None and self._asked is None:
            self._ask(signal.SIGINT)

    def kill(self) -> None:
        """End the worker at once, whatever it has still to hand over."""
        self._ask(signal.SIGKILL)

    def _ask(self, number: signal.Signals) -> None:
        self._asked = number
        is_waited_for = number == signal.SIGINT and self._pid is not None
        self._deadline = time.monotonic() + GRACE_SECONDS if is_waited_for else 0.0
        self._signal(number)

    def give_up_if_due(self) -> Ended | None:
        """End an interrupted worker that has not answered in time."""
        if not self.is_overdue:
            return None
        if self._pid is None:  # perhaps its server hangs: the next worker gets a new one
            self._give_back()
            self._servers.drop(self._server)
        self._signal(signal.SIGKILL)
        return self._end(Ended(Outcome.INTERRUPTED))

    @property
    def is_overdue(self) -> bool:
        """Whether it was interrupted and has not answered in time."""
        return self.ended is None and time.monotonic() > self._deadline

    def output(self) -> bytes:
        """Everything the worker printed, TensorFlow's C++ included; what its server printed if it never began."""
        outputs = (log.read_bytes() for log in (self._log, self._server.log) if log.exists())
        return next((output for output in outputs if output), b"")

    def wait_until_gone(self) -> None:
        """End the process, which has said its last word, and return when the system has taken back all that it had."""
        if not self._is_collected:
            self._signal(signal.SIGKILL)
            self._server.wait(self._number)
            self._pid, self._is_collected = None, True

    def close(self) -> None:
        """End the process at once: it has nothing more to say."""
        self._signal(signal.SIGKILL)
        self._give_back()
        self._connection.close()
        self._log.unlink(missing_ok=True)

    def _give_back(self) -> None:
        """Have the server end the process, too: perhaps it has not said yet which process it is."""
        if not self._is_collected:
            self._server.forget(self._number)
            self._pid, self._is_collected = None, True

    def _end(self, ended: Ended) -> Ended:
        self.ended = ended
        return ended

    def _send(self, message: object) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it died, and receive will say so
            self._connection.send(message)

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
            if announced:
                return "the worker process ended after its fork server"
            return "the fork server could not start the worker"
        if exit_code >= 0:
            return f"the worker process ended with status {exit_code} and without a result"
        name = signal.Signals(-exit_code).name
        cause = "; the system kills so when memory runs out" if name == "SIGKILL" else ""
        return f"the worker process was killed by {name}{cause}"
