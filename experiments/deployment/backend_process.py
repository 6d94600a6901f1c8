"""A backend worker as the process that asks it sees it: started, asked, ended with everything it has started."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from experiments.deployment.backends import BackendFailed
from experiments.runtime import subprocesses

T = TypeVar("T")

START = "from experiments.deployment.backend_worker import main; main()"


class BackendProcess:
    """A fresh process for one backend. :meth:`close` ends it and all that it has started."""

    def __init__(self, timeout: float) -> None:
        """Start the process; ``timeout`` is how many seconds an answer may take."""
        self._timeout = timeout
        self._began = time.monotonic()
        self._connection, theirs = multiprocessing.Pipe()
        self._process = subprocesses.start(START, str(theirs.fileno()), descriptors=[theirs.fileno()])
        theirs.close()

    def call(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method of :class:`experiments.deployment.backend_worker.BackendWorker` there and return its result.

        Raises BackendFailed if it fails, dies or does not answer in time.
        """
        try:
            self._connection.send((method.__name__, arguments))
            if not self._connection.poll(self._timeout):
                raise BackendFailed(f"no answer within experiment.timeout={self._timeout:g} seconds")
            answer = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise BackendFailed(f"its process {self._how_it_ended()}") from None
        if isinstance(answer, BackendFailed):
            raise answer
        return cast(T, answer)

    def since_began(self) -> float:
        """Return the seconds since the process was started."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """End the process and all that it has started; return when they are gone and their ports are free."""
        subprocesses.end(self._process)
        self._connection.close()

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(subprocesses.END_SECONDS)
        except subprocess.TimeoutExpired:
            return "does not talk to us any more"
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
