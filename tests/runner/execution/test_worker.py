"""The worker's side of a job, at the other end of a pipe; TensorFlow is not started."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import pytest

from experiments.recorder import Source
from runner.execution.worker import PipeRecorder
from runner.messages import GO, Known, Measured, Metric, Note, Progress, Record, Settled, StoredInputs
from tests.waiting import PATIENCE


class Scheduler:
    """The other end of the pipe: takes each batch and lets the worker go on."""

    def __init__(self, connection: Connection) -> None:
        self.batches: list[list[Record]] = []
        self._connection = connection
        self._thread = Thread(target=self._answer, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(timeout=PATIENCE)
        assert not self._thread.is_alive()

    def _answer(self) -> None:
        with self._connection, suppress(EOFError):
            while True:
                self.batches.append(self._connection.recv())
                self.on_batch()
                self._connection.send(GO)

    def on_batch(self) -> None:
        """What happens between a batch and GO."""


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Scheduler]]:
    ours, its = Pipe()
    scheduler = Scheduler(its)
    yield ours, scheduler
    ours.close()
    scheduler.join()


def test_progress_hands_everything_over(ends: tuple[Connection, Scheduler]) -> None:
    connection, scheduler = ends
    recorder = PipeRecorder(connection)
    recorder.metric("loss", 2, step=3)
    assert scheduler.batches == []  # metrics come while something may be timed
    recorder.progress("thinking", 0.5, "half")
    recorder.measured()
    recorder.note("done")
    ((metric, progress), measured) = scheduler.batches
    assert isinstance(metric, Metric)
    assert (metric.name, metric.value, metric.step) == ("loss", 2.0, 3)
    assert progress == Progress("thinking", 0.5, "half")
    assert measured == [Measured()]
    assert recorder.rest() == [Note("done")]
    assert recorder.rest() == []


def test_what_is_known_is_not_found_out_again(ends: tuple[Connection, Scheduler]) -> None:
    recorder = PipeRecorder(ends[0])
    recorder.take(StoredInputs({}, None, known={"peak": 7.0}))
    assert recorder.once("peak", lambda: pytest.fail("it is known")) == 7.0
    assert recorder.once("bandwidth", lambda: 3.0) == 3.0
    assert recorder.rest() == [Known("bandwidth", 3.0)]


def test_what_is_settled_is_not_chosen_again(ends: tuple[Connection, Scheduler], tmp_path: Path) -> None:
    recorder = PipeRecorder(ends[0])
    source = Source("a model", tmp_path / "model.keras")
    recorder.take(StoredInputs({"latest": source}, tmp_path, {"execution": "graph"}))
    assert recorder.settled("execution", lambda: pytest.fail("it is settled")) == "graph"
    assert recorder.settled("layout", lambda: "NHWC") == "NHWC"
    assert recorder.rest() == [Settled("execution", "graph"), Settled("layout", "NHWC")]
    assert (recorder.fetch("latest"), recorder.earlier()) == (source, tmp_path)


def test_without_inputs_there_is_nothing_to_go_on_with(ends: tuple[Connection, Scheduler]) -> None:
    recorder = PipeRecorder(ends[0])
    recorder.take(GO)
    assert recorder.earlier() is None
    with pytest.raises(KeyError):
        recorder.fetch("latest")


def test_an_interrupt_is_raised_once(ends: tuple[Connection, Scheduler]) -> None:
    recorder = PipeRecorder(ends[0])
    with pytest.raises(KeyboardInterrupt):
        recorder.interrupt(signal.SIGINT, None)
    recorder.interrupt(signal.SIGINT, None)  # while the last things are recorded


def test_an_interrupt_waits_until_a_batch_is_handed_over(ends: tuple[Connection, Scheduler]) -> None:
    connection, scheduler = ends
    recorder = PipeRecorder(connection)
    scheduler.on_batch = lambda: recorder.interrupt(signal.SIGINT, None)  # type: ignore[method-assign]
    recorder.metric("loss", 1)
    with pytest.raises(KeyboardInterrupt):
        recorder.flush()
    assert len(scheduler.batches) == 1
    assert recorder.rest() == []  # it was handed over, once


def test_an_interrupt_that_a_library_swallows_comes_again(ends: tuple[Connection, Scheduler]) -> None:
    recorder = PipeRecorder(ends[0])
    with pytest.raises(KeyboardInterrupt):
        recorder.interrupt(signal.SIGINT, None)
    recorder.metric("loss", 1)
    with pytest.raises(KeyboardInterrupt):
        recorder.progress("thinking", 1.0, "nothing heard")
    assert len(recorder.rest()) == 2  # what was recorded is handed over with the end


def test_while_it_is_handled_things_can_still_be_handed_over(ends: tuple[Connection, Scheduler]) -> None:
    connection, scheduler = ends
    recorder = PipeRecorder(connection)
    try:
        recorder.interrupt(signal.SIGINT, None)
    except KeyboardInterrupt:
        recorder.progress("drawing", 1.0, "what there is")
    assert scheduler.batches == [[Progress("drawing", 1.0, "what there is")]]
