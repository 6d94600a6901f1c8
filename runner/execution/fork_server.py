"""A fork server: workers are forked from this process, which has imported TensorFlow but not started it.

Importing TensorFlow takes seconds; forking a process that has imported it takes hundredths of a second. Threads,
visible devices and GPU memory are fixed for the life of a process once it has *started* TensorFlow. The server
never starts it, so each fork can choose its own settings. Only oneDNN is read during the import: there is one
server for each of its values.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import multiprocessing
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from runner.execution import worker

CLOSE_SECONDS = 0.5

FORK, WAIT, FORGET = 1, 2, 3
_REQUEST, _STATUS = struct.Struct("ii"), struct.Struct("i")


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a new process from importing the script that called ``runner.run``, which would run it again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class ForkServer:
    """A fork server, as the scheduler uses it."""

    def __init__(self, onednn: bool | None, modules: Sequence[str], log: Path) -> None:
        """Start the server. It imports TensorFlow and ``modules`` while the caller goes on, and prints to ``log``."""
        self._control, its_control = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(its_control, onednn, modules, log), name="fork server")
        resource_tracker.ensure_running()  # otherwise starting the process does, which resets the mask
        # The server and its forks inherit the mask, so that no signal comes before a worker has its handler.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, worker.SIGNALS)
        try:
            with _without_main():
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its_control.close()
        self.log = log
        self._numbers = itertools.count(1)

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def fork(self) -> tuple[int, Connection]:
        """Ask for a worker; return its number and the connection to it, which is closed if the server is gone."""
        number = next(self._numbers)
        ours, its = multiprocessing.Pipe()
        with suppress(OSError):
            socket.send_fds(self._control, [_REQUEST.pack(FORK, number)], [its.fileno()])
        its.close()
        return number, ours

    def wait(self, number: int) -> int | None:
        """Wait for a worker to end; return its exit status, negative for a signal, or None if the server is gone."""
        try:
            self._control.sendall(_REQUEST.pack(WAIT, number))
            answer = self._control.recv(_STATUS.size, socket.MSG_WAITALL)
        except OSError:
            return None
        return os.waitstatus_to_exitcode(_STATUS.unpack(answer)[0]) if len(answer) == _STATUS.size else None

    def forget(self, number: int) -> None:
        """End the worker if it still runs. Its exit status is dropped."""
        with suppress(OSError):
            self._control.sendall(_REQUEST.pack(FORGET, number))

    def close(self) -> None:
        """End the server. The scheduler ends the workers."""
        self._control.close()
        self._process.join(CLOSE_SECONDS)
        self._process.kill()  # in case it is still importing TensorFlow
        self._process.join()


class _Forks:
    """The workers of a server by number: a worker may die before it has said its process number."""

    def __init__(self) -> None:
        self._pids: dict[int, int] = {}
        self._forgotten: set[int] = set()

    def add(self, number: int, pid: int) -> None:
        self._pids[number] = pid

    def wait(self, number: int) -> int:
        """Wait for a worker; return its status as ``os.waitpid`` has it."""
        return os.waitpid(self._pids.pop(number), 0)[1]

    def forget(self, number: int) -> None:
        """Kill a worker. :meth:`collect` then keeps it from staying as a zombie."""
        pid = self._pids.pop(number)
        os.kill(pid, signal.SIGKILL)
        self._forgotten.add(pid)

    def collect(self, options: int = os.WNOHANG) -> None:
        """Reap the forgotten workers that have ended; with ``options=0``, wait for all of them."""
        for pid in list(self._forgotten):
            if os.waitpid(pid, options) != (0, 0):
                self._forgotten.discard(pid)


def serve(control: socket.socket, onednn: bool | None, modules: Sequence[str], log: Path) -> None:
    """Run a server until the scheduler is gone. The signals must be blocked."""
    from experiments.runtime.preload import preload

    worker.write_output_to(log)
    preload(onednn)
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # otherwise each fork's collector visits a million objects and copies their pages
    forks = _Forks()
    while request := _receive(control):
        (what, number), descriptors = request
        if what == FORK:
            (descriptor,) = descriptors
            if (pid := os.fork()) == 0:
                control.close()
                worker.run(Connection(descriptor), log)
            forks.add(number, pid)
            os.close(descriptor)
        elif what == WAIT:
            control.sendall(_STATUS.pack(forks.wait(number)))
        else:
            forks.forget(number)
        forks.collect()
    forks.collect(0)
    os._exit(0)  # a normal exit would first tear TensorFlow down


def _receive(control: socket.socket) -> tuple[tuple[int, int], list[int]] | None:
    """Receive the next request and its file descriptors; None when the scheduler is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
    if not message:
        return None
    while len(message) < _REQUEST.size:
        message += control.recv(_REQUEST.size - len(message))
    return _REQUEST.unpack(message), descriptors
