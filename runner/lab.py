"""The lab's side of a job: the process that imports TensorFlow and runs the experiment."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from experiments import device
from experiments.experiment import Refused
from experiments.recorder import Row
from runner.messages import Ended, File, Job, Metric, Note, Outcome, Progress, Record, Started, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(connection: Connection, job: Job, log: Path) -> None:
    """The whole life of a lab process. Called with SIGNALS blocked, so that none comes too early."""
    _write_output_to(log)
    _end_with_parent()
    recorder = PipeRecorder(connection)
    _on_signals(recorder.interrupt)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        ended = _run_experiment(connection, job, recorder)
    except KeyboardInterrupt:
        ended = Ended(Outcome.INTERRUPTED)
    _on_signals(signal.SIG_IGN)
    connection.send(ended)


def _run_experiment(connection: Connection, job: Job, recorder: PipeRecorder) -> Ended:
    """Never raises but KeyboardInterrupt, and never before what was recorded is handed over."""
    try:
        placement = device.start(job.device)
        connection.send(Started(placement, device.describe()))
        connection.recv()
        with device.scope():
            job.experiment.run(recorder)
        ended = Ended(Outcome.FINISHED)
    except KeyboardInterrupt:
        ended = Ended(Outcome.INTERRUPTED)
    except device.DeviceUnavailable as error:
        return Ended(Outcome.UNAVAILABLE, str(error))
    except Refused as error:
        ended = Ended(Outcome.REFUSED, str(error))
    except BaseException:  # a bug, or sys.exit in someone's experiment: the run shows it
        ended = Ended(Outcome.CRASHED, traceback.format_exc())
    recorder.flush()
    return ended


class PipeRecorder:
    """A :class:`experiments.recorder.Recorder` that hands everything to the conductor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer: list[Record] = []
        self._handing_over = False
        self._interrupted = False

    def metric(self, name: str, value: float, step: int = 0) -> None:
        self._buffer.append(Metric(name, float(value), step, time.time_ns() // 1_000_000))

    def figure(self, name: str, figure: Figure) -> None:
        png = io.BytesIO()
        figure.savefig(png, format="png")
        self.file(f"plots/{name}.png", png.getvalue())

    def table(self, name: str, rows: Sequence[Row]) -> None:
        self._buffer.append(Table(name, list(rows)))

    def file(self, path: str, content: bytes) -> None:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ValueError(f"a run's file must lie below its artifacts, but its path is {path!r}")
        self._buffer.append(File(path, content))

    def note(self, markdown: str) -> None:
        self._buffer.append(Note(markdown))

    def progress(self, task: str, fraction: float, text: str) -> None:
        self._buffer.append(Progress(task, fraction, text))
        self.flush()

    def flush(self) -> None:
        """Hands the buffer over and waits until it is stored."""
        if not self._buffer:
            return
        interrupted_before, self._handing_over = self._interrupted, True
        try:
            self._connection.send(self._buffer)
            self._buffer = []
            self._connection.recv()
        finally:
            self._handing_over = False
        if self._interrupted and not interrupted_before:
            raise KeyboardInterrupt

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: raises KeyboardInterrupt once, and not in the middle of handing over."""
        first, self._interrupted = not self._interrupted, True
        if first and not self._handing_over:
            raise KeyboardInterrupt


def _on_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in SIGNALS:
        signal.signal(number, action)


def _write_output_to(log: Path) -> None:
    """Everything printed in this process goes to a file, TensorFlow's C++ included."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _end_with_parent() -> None:
    """Ends this process when the conductor is gone, however it went: nobody would hear the results."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
