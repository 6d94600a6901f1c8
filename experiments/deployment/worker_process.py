"""The lab's end of a worker: started, asked, ended with everything it has started."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import psutil

import experiments
from experiments.deployment.ways import WayFailed

T = TypeVar("T")

START = "from experiments.deployment.worker import main; main()"
"""Not ``-m``: the package imports the module before it would run, and Python warns of that."""

END_SECONDS = 5.0
"""How long the kernel may take to end a killed process."""


class WorkerProcess:
    """A fresh Python in a process group of its own. Leaving the ``with`` block ends the group, whatever happened."""

    def __init__(self, timeout: float) -> None:
        """``timeout`` is how many seconds an answer may take."""
        self._timeout = timeout
        self._began = time.monotonic()
        self._connection, theirs = multiprocessing.Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(theirs.fileno())],
            stdin=subprocess.PIPE,  # nothing is written there: its end tells the worker that we are gone
            pass_fds=[theirs.fileno()],
            env=_environment(),
            start_new_session=True,
        )
        theirs.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, method: Callable[..., T], *arguments: Any) -> T:
        """What a method of :class:`experiments.deployment.worker.Worker` returns there.

        Raises WayFailed where it fails, dies or does not answer in time.
        """
        try:
            self._connection.send((method.__name__, arguments))
            if not self._connection.poll(self._timeout):
                raise WayFailed(f"no answer within experiment.timeout={self._timeout:g} seconds")
            answer = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise WayFailed(f"its process {self._how_it_ended()}") from None
        if isinstance(answer, WayFailed):
            raise answer
        return cast(T, answer)

    def since_began(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Ends the process and whatever it started; returns when they are gone and their ports are free."""
        family = [psutil.Process(self._process.pid)] if psutil.pid_exists(self._process.pid) else []
        with suppress(psutil.NoSuchProcess):
            family += family[0].children(recursive=True) if family else []
        with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies is not permitted
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._connection.close()
        deadline = time.monotonic() + END_SECONDS
        while any(_is_alive(process) for process in family) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return "does not talk to us any more"
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _environment() -> dict[str, str]:
    """Of a worker: it finds this package from any working folder."""
    root = str(Path(experiments.__path__[0]).parent)
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([root, known] if known else [root])}


def _is_alive(process: psutil.Process) -> bool:
    """Also where only its first thread has ended: the others still hold its ports."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False
