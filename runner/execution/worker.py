"""The worker's side of a job: the process that starts TensorFlow and runs the experiment."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

import psutil

from experiments.experiment import Refused
from experiments.recorder import Answered, Source
from experiments.runtime import alternation, device, subprocesses
from runner.execution.recording import RecordBuffer
from runner.messages import (
    Assignment,
    Ended,
    HandOn,
    Known,
    Measured,
    Outcome,
    Progress,
    Record,
    Settled,
    Started,
    StoredInputs,
    Yielded,
)

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(connection: Connection, server_log: Path) -> NoReturn:
    """Run a worker from its fork to its end. SIGNALS must be blocked, so that none comes before their handler."""
    try:
        connection.send(os.getpid())
        assignment, log = connection.recv()
        _begin_output(log, server_log)
        end_with_parent()
        recorder = PipeRecorder(connection, assignment.store_words)
        _on_signals(recorder.interrupt)
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            _limit_memory(assignment.memory_bytes)
            ended = _run_experiment(connection, assignment, recorder)
        except KeyboardInterrupt:
            ended = Ended(Outcome.INTERRUPTED, records=recorder.rest())
        _on_signals(signal.SIG_IGN)
        _limit_memory(None)
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(ended)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the scheduler has closed this worker
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    finally:
        os._exit(0)  # everything is handed over: TensorFlow's threads need not be joined


def _run_experiment(connection: Connection, assignment: Assignment, recorder: PipeRecorder) -> Ended:
    """Run the experiment and return its end with the last records. Raises only KeyboardInterrupt."""
    try:
        placement = device.start(assignment.device)
        connection.send(Started(placement, device.describe()))
        recorder.take(connection.recv())
        recorder.require_going()
        if assignment.turn is not None:
            alternation.join(alternation.Alternation(recorder.let_others_go_on, assignment.turn))
        with device.scope():
            assignment.experiment.run(recorder)
        ended = Ended(Outcome.FINISHED)
    except KeyboardInterrupt:
        ended = Ended(Outcome.INTERRUPTED)
    except device.DeviceUnavailable as error:
        return Ended(Outcome.UNAVAILABLE, str(error))
    except Refused as error:
        ended = Ended(Outcome.REFUSED, str(error))
    except BaseException:  # a bug, or sys.exit in an experiment: the run shows the traceback
        ended = Ended(Outcome.CRASHED, traceback.format_exc())
    return replace(ended, records=recorder.rest())


class PipeRecorder(RecordBuffer):
    """A :class:`experiments.recorder.Recorder` that hands everything to the scheduler."""

    def __init__(self, connection: Connection, store_words: Sequence[str] = ()) -> None:
        super().__init__()
        self.store_words = store_words
        self._connection = connection
        self._given = StoredInputs({}, None)
        self._handing_over = False
        self._interrupted = False

    def take(self, given: StoredInputs | str) -> None:
        """Take the inputs for the experiment. GO comes in their place when the worker is to end at once."""
        if isinstance(given, StoredInputs):
            self._given = given

    def fetch(self, source: str) -> Source:
        return self._given.sources[source]

    def earlier(self) -> Path | None:
        return self._given.earlier

    def answered(self) -> Answered | None:
        return self._given.answered

    def handed_on(self) -> Sequence[bytes]:
        return self._given.handed_on

    def hand_on(self, content: bytes) -> None:
        self._buffer.append(HandOn(content))
        self.measured()

    def progress(self, task: str, fraction: float, text: str) -> None:
        self._buffer.append(Progress(task, fraction, text))
        self.flush()

    def measured(self) -> None:
        self._buffer.append(Measured())
        self.flush()

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        if name in self._given.known:
            value: T = self._given.known[name]
            return value
        value = find_out()
        self._buffer.append(Known(name, value))
        return value

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        value = self._given.settled.get(name) or find_out()
        self._buffer.append(Settled(name, value))
        return value

    def flush(self) -> None:
        """Hand the buffer over and wait until it is stored. Raises KeyboardInterrupt after a signal."""
        self.require_going()
        if self._buffer:
            self._hand_over(self._buffer)

    def let_others_go_on(self, place: float | None) -> int:
        """Let others measure, and return the cycle when it is this worker's turn again.

        Raises KeyboardInterrupt after a signal. What was found so far goes first: the others may need it.
        """
        self.flush()
        cycle = self._hand_over(Yielded(place))
        assert isinstance(cycle, int)
        return cycle

    def _hand_over(self, message: list[Record] | Yielded) -> object:
        """Send a message, the whole buffer or one that finds it empty, and return the answer."""
        interrupted_before, self._handing_over = self._interrupted, True
        try:
            self._connection.send(message)
            self.rest()
            answer = self._connection.recv()
        finally:
            self._handing_over = False
        if self._interrupted and not interrupted_before:
            raise KeyboardInterrupt
        return answer

    def require_going(self) -> None:
        """Raise KeyboardInterrupt again if a library has swallowed it: a bare ``except`` is enough to do so."""
        if self._interrupted and not isinstance(sys.exception(), KeyboardInterrupt):
            raise KeyboardInterrupt

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: raise KeyboardInterrupt once, and not in the middle of a :meth:`flush`."""
        first, self._interrupted = not self._interrupted, True
        if first and not self._handing_over:
            raise KeyboardInterrupt


def _on_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in SIGNALS:
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, action)


def write_output_to(log: Path) -> None:
    """Write everything this process prints to a file, TensorFlow's C++ included."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _begin_output(log: Path, server_log: Path) -> None:
    """Begin the worker's log with what TensorFlow printed during its import."""
    log.write_bytes(server_log.read_bytes())
    write_output_to(log)


def _limit_memory(limit: int | None) -> None:
    """Make allocations fail beyond ``limit`` more bytes than now, in Python as in C++; None lifts the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = most
    if limit is not None:
        now = psutil.Process().memory_info().data
        wanted = now + limit if most == resource.RLIM_INFINITY else min(now + limit, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def end_with_parent() -> None:
    """End this process when the scheduler's has ended, however it did: nobody would hear the results."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    subprocesses.end_with_parent(parent.sentinel)
