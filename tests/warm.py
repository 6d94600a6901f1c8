"""``python -m runner`` without the wait for its imports: each command is a fork of one process that has made them.

A fresh Python spends most of a short command on importing TensorFlow, MLflow and Hydra. The fork is a process of its
own all the same, with its own working folder, streams, environment, signals, fork server and workers. What it cannot
show is what the imports themselves do, and how MLflow makes a store: tests of that start a fresh Python.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

import numpy as np

from experiments.runtime.keras_variables import set_keras_variables
from runner.tracking import making


class WarmProcess:
    """A command that goes on: as much of ``subprocess.Popen`` as tests use."""

    def __init__(self, module: str, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.warm_imports"])
        pipes = [multiprocessing.Pipe(duplex=False) for _ in ("out", "err")]
        streams = [writer for _, writer in pipes]
        self._process = context.Process(target=_run, args=(module, words, cwd, dict(env), *streams))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.stdout, self.stderr = (os.fdopen(os.dup(reader.fileno()), encoding="utf-8") for reader, _ in pipes)
        for end in (end for pipe in pipes for end in pipe):
            end.close()

    @property
    def returncode(self) -> int | Any:
        """None while it goes on, negative after a signal."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a command", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what is left of both outputs once they are closed and the command has ended."""
        readers = [_Reader(stream) for stream in (self.stdout, self.stderr)]
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():  # a process that the command has left behind holds the stream open
                raise subprocess.TimeoutExpired("a command", timeout or 0)
        out, err = (reader.text for reader in readers)
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Reader(threading.Thread):
    """Reads what is left of a stream, and closes it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(daemon=True)
        self.text, self._stream = "", stream
        self.start()

    def run(self) -> None:
        if not self._stream.closed:
            with self._stream:
                self.text = self._stream.read()


def _run(
    module: str, words: Sequence[str], cwd: Path, env: Mapping[str, str], out: Connection, err: Connection
) -> None:
    """Be ``python -u -m MODULE WORDS`` in a folder."""
    assert "tests.warm_imports" in sys.modules, "the fork server could not import what commands need"
    _take_streams(out, err)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [str(cwd), *env.get("PYTHONPATH", "").split(os.pathsep)]
    sys.argv = [module, *words]
    np.random.seed()  # forks would draw alike; Python's own generator starts anew by itself
    with (
        mock.patch("runner.execution.fork_server.multiprocessing", _Multiprocessing()),
        mock.patch("runner.tracking.making._place_beside", _with_tables),
    ):
        os._exit(_status_of(module))


def _take_streams(out: Connection, err: Connection) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out.fileno(), err.fileno())):
        os.dup2(descriptor, number)
    os.close(nothing)
    out.close()
    err.close()
    sys.stdout, sys.stderr = _unbuffered(1, "strict"), _unbuffered(2, "backslashreplace")


def _unbuffered(descriptor: int, errors: str) -> io.TextIOWrapper:
    raw: Any = io.FileIO(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)


def _status_of(module: str) -> int:
    if "." in module:
        sys.modules.pop(module, None)  # runpy warns of what is imported already
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _with_tables(database: Path, place_beside: Any = making._place_beside) -> Iterator[Path]:
    """Give the place of a new store with the tables in it, which MLflow takes seconds to make."""
    from tests.warm_imports import EMPTY_STORE

    with place_beside(database) as unfinished:
        unfinished.write_bytes(EMPTY_STORE)
        yield unfinished


class _Multiprocessing:
    """The module as ``runner.execution.fork_server`` sees it: its server is forked from the command, too."""

    Pipe = staticmethod(multiprocessing.Pipe)

    def get_context(self, method: str) -> _Multiprocessing:
        return self

    def Process(self, target: Callable[..., None], args: Sequence[Any], name: str) -> Any:  # noqa: N802
        """OneDNN is chosen when TensorFlow is imported: for a choice the server must be a fresh process."""
        _, onednn, *_ = args
        if onednn is not None:
            return multiprocessing.get_context("spawn").Process(target=target, args=args, name=name)
        return multiprocessing.get_context("fork").Process(target=_serve, args=(target, *args), name=name)


def _serve(target: Callable[..., None], control: socket.socket, *rest: Any) -> None:
    """Let go of the command's files first, as a fresh process would: else nobody would see that it has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    kept = {0, 1, 2, control.fileno(), parent.sentinel, resource_tracker.getfd()}
    for descriptor in {int(name) for name in os.listdir("/proc/self/fd")} - kept:
        with suppress(OSError):  # of the listing itself
            os.close(descriptor)
    set_keras_variables()  # as the import of TensorFlow does, which this process has behind it
    target(control, *rest)
