"""The scheduler's side of a worker, with fake workers."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from runner.execution import worker_process
from runner.execution.worker_process import MOST_LATE, WorkerProcess
from runner.messages import GO, Assignment, Ended, Known, Outcome, StoredInputs
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import STARTED, FakeWorker
from tests.runner.jobs import job
from tests.waiting import PATIENCE

Start = Callable[[Callable[[FakeWorker], None]], WorkerProcess]


@pytest.fixture
def start(house: House) -> Start:
    """Starts a worker that follows a script."""

    def start(script: Callable[[FakeWorker], None]) -> WorkerProcess:
        house.servers.scripts[1] = script
        parts = job(x=1).parts
        return WorkerProcess(house.servers, parts, Assignment(parts.experiment, parts.device, memory_bytes=10))

    return start


def hear(process: WorkerProcess) -> object:
    """The next message that is not only about the process."""
    while True:
        assert process.wait(PATIENCE)
        if (message := process.receive()) is not None:
            return message


def test_a_conversation(house: House, start: Start) -> None:
    heard = []

    def script(worker: FakeWorker) -> None:
        worker.get_ready()
        heard.append(worker.begin())
        worker.hand_over(Known("a", 1))
        worker.end()

    process = start(script)
    assert hear(process) == STARTED
    inputs = StoredInputs({}, None, {"execution": "graph"})
    process.begin(inputs)
    assert hear(process) == [Known("a", 1)]
    assert heard == [inputs]
    process.go()
    ended = hear(process)
    assert isinstance(ended, Ended)
    assert process.ended == ended
    (worker,) = house.servers.server.workers.values()
    assert worker.assignment.memory_bytes == 10
    process.close()
    assert worker.wait_for_signal() == signal.SIGKILL  # it has nothing more to say
    assert house.servers.server.forgotten == [1]
    assert not worker.log.exists()


def test_a_server_that_is_gone(house: House, start: Start) -> None:
    """The next worker gets another server."""

    def script(worker: FakeWorker) -> None:
        worker.get_ready()
        house.servers.server.is_gone = True

    process = start(script)
    assert hear(process) == STARTED
    assert hear(process) == Ended(Outcome.DIED, "the worker process ended after its fork server")
    assert len(house.servers.dropped) == 1

    process = start(lambda worker: setattr(house.servers.server, "is_gone", True))
    assert hear(process) == Ended(Outcome.DIED, "the fork server could not start the worker")


def test_the_output_is_the_servers_where_the_worker_never_began(start: Start) -> None:
    process = start(lambda worker: worker.end())
    hear(process)
    assert process.output() == b"imported\n"

    def prints(worker: FakeWorker) -> None:
        worker.log.write_text("computed\n")
        worker.end()

    process = start(prints)
    hear(process)
    assert process.output() == b"computed\n"


@pytest.mark.parametrize(
    ("ask", "number"), [(WorkerProcess.interrupt, signal.SIGINT), (WorkerProcess.kill, signal.SIGKILL)]
)
def test_a_signal_before_the_process_is_known_is_sent_when_it_is(
    start: Start, ask: Callable[[WorkerProcess], None], number: signal.Signals
) -> None:
    heard = []

    def script(worker: FakeWorker) -> None:
        worker.begin()
        worker.announce()
        heard.append(worker.wait_for_signal())
        worker.end(Outcome.INTERRUPTED)

    process = start(script)
    ask(process)
    process.go()
    assert isinstance(hear(process), Ended)
    assert heard == [number]


def test_it_is_interrupted_only_once(start: Start) -> None:
    heard = []

    def script(worker: FakeWorker) -> None:
        worker.get_ready()
        worker.begin()
        while not worker.signals.empty():
            heard.append(worker.signals.get())
        worker.end(Outcome.INTERRUPTED)

    process = start(script)
    hear(process)
    process.interrupt()
    process.interrupt()
    process.begin(StoredInputs({}, None))
    hear(process)
    assert heard == [signal.SIGINT]
    process.interrupt()  # it has ended
    assert process.give_up_if_due() is None


def test_a_worker_that_goes_on_as_if_nothing_were_is_killed(house: House, start: Start) -> None:
    """Its messages may be late since the scheduler was slow, but not for ever."""

    def script(worker: FakeWorker) -> None:
        worker.get_ready()
        worker.begin()
        assert worker.wait_for_signal() == signal.SIGINT
        while worker.signals.empty():
            worker.hand_over(Known("a", 1))
        worker.exit_code = -worker.wait_for_signal()

    process = start(script)
    hear(process)
    process.interrupt()
    process.begin(StoredInputs({}, None))
    house.clock.now += worker_process.GRACE_SECONDS + 0.1
    messages = [hear(process)]
    while not isinstance(messages[-1], Ended):
        process.go()
        messages.append(hear(process))
    assert len(messages) >= MOST_LATE + 2
    assert messages[-1].outcome is Outcome.DIED  # type: ignore[attr-defined]


def test_what_is_sent_to_the_dead_is_no_error(start: Start) -> None:
    process = start(lambda worker: None)
    ended = hear(process)
    assert isinstance(ended, Ended)
    assert ended.message == "the worker process ended with status 0 and without a result"
    process.go()


def test_the_word_that_lets_it_go_on(start: Start) -> None:
    heard: list[object] = []

    def script(worker: FakeWorker) -> None:
        heard.append(worker.begin())
        worker.end()

    process = start(script)
    process.go()
    hear(process)
    assert heard == [GO]
