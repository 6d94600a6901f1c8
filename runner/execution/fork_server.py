"""The process that labs are forked from: TensorFlow is imported in it, and nothing started.

Importing TensorFlow takes seconds, a fork of a process that has done so takes hundredths of one. Threads,
oneDNN, visible devices and GPU memory are fixed for the life of a process that has *started* TensorFlow, so
the server never does, and each fork starts with settings of its own. Only oneDNN is read at the import: there
is one server for each of its values.
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
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path

from runner.execution import worker

CLOSE_SECONDS = 0.5

FORK, WAIT, FORGET = 1, 2, 3
_REQUEST, _STATUS = struct.Struct("ii"), struct.Struct("i")


class ForkServer:
    """The conductor's end."""

    def __init__(self, onednn: bool | None, modules: Sequence[str], log: Path) -> None:
        """Starts the server; it imports TensorFlow and ``modules`` while the caller goes on. It prints to ``log``."""
        self._control, its_control = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=serve, args=(its_control, onednn, modules, log), name="lab server")
        resource_tracker.ensure_running()  # else starting the process starts it, and that resets the mask
        # The mask is inherited, by the server and by its forks: signals are for a lab that is ready for one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, worker.SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its_control.close()
        self.log = log
        self._numbers = itertools.count(1)

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def fork(self) -> tuple[int, Connection]:
        """Asks for a lab: its number, and the connection to it, at its end where the server is gone."""
        number = next(self._numbers)
        ours, its = multiprocessing.Pipe()
        with suppress(OSError):
            socket.send_fds(self._control, [_REQUEST.pack(FORK, number)], [its.fileno()])
        its.close()
        return number, ours

    def wait(self, number: int) -> int | None:
        """Waits for the end of a lab: its exit status, a signal as a negative number; None if the server is gone."""
        try:
            self._control.sendall(_REQUEST.pack(WAIT, number))
            answer = self._control.recv(_STATUS.size, socket.MSG_WAITALL)
        except OSError:
            return None
        return os.waitstatus_to_exitcode(_STATUS.unpack(answer)[0]) if len(answer) == _STATUS.size else None

    def forget(self, number: int) -> None:
        """Ends the lab if it goes on; nobody wants to know how."""
        with suppress(OSError):
            self._control.sendall(_REQUEST.pack(FORGET, number))

    def close(self) -> None:
        """Ends the server. Labs that still go on are their conductor's to end."""
        self._control.close()
        self._process.join(CLOSE_SECONDS)
        self._process.kill()  # it was still importing TensorFlow
        self._process.join()


class _Forks:
    """The labs of a server by their numbers: one may die before it could say which process it is."""

    def __init__(self) -> None:
        self._pids: dict[int, int] = {}
        self._forgotten: set[int] = set()

    def add(self, number: int, pid: int) -> None:
        self._pids[number] = pid

    def wait(self, number: int) -> int:
        """How the lab ended, as os.waitpid has it."""
        return os.waitpid(self._pids.pop(number), 0)[1]

    def forget(self, number: int) -> None:
        """Ends it. It is collected once it has ended, so that it does not stay as a zombie."""
        pid = self._pids.pop(number)
        os.kill(pid, signal.SIGKILL)
        self._forgotten.add(pid)

    def collect(self, options: int = os.WNOHANG) -> None:
        for pid in list(self._forgotten):
            if os.waitpid(pid, options) != (0, 0):
                self._forgotten.discard(pid)


def serve(control: socket.socket, onednn: bool | None, modules: Sequence[str], log: Path) -> None:
    """The whole life of a server. Called with the signals blocked: it ends when the conductor does."""
    from experiments.runtime.preload import preload

    worker.write_output_to(log)
    preload(onednn)
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # a fork's garbage collector would look at a million objects, and copy their pages to do so
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
    os._exit(0)  # Python would take TensorFlow apart first


def _receive(control: socket.socket) -> tuple[tuple[int, int], list[int]] | None:
    """The next request and what came with it; None when the conductor is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
    if not message:
        return None
    while len(message) < _REQUEST.size:
        message += control.recv(_REQUEST.size - len(message))
    return _REQUEST.unpack(message), descriptors
