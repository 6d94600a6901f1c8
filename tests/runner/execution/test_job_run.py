"""The states of one job, each reached by a message of its worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait

import pytest

from runner.execution.gpus import GpuPool
from runner.execution.groups import Group
from runner.execution.job_run import JobRun, JobState
from runner.execution.limits import NEVER, Limits
from runner.execution.resources import Resources
from runner.messages import Ended, Measured, Metric, Note, Outcome, Table
from runner.sweep.job_results import job_results
from runner.sweep.resumed import end_of
from runner.tracking import model_scores
from runner.tracking.result import Result
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import job
from tests.waiting import PATIENCE

Start = Callable[[Callable[[FakeWorker], None]], JobRun]


@pytest.fixture
def measured() -> list[JobState]:
    """The state of the job whenever it says that nothing is timed any more."""
    return []


@pytest.fixture
def start(house: House, measured: list[JobState]) -> Iterator[Start]:
    """Starts a job whose worker follows a script."""
    started: list[JobRun] = []

    def start(script: Callable[[FakeWorker], None]) -> JobRun:
        house.servers.scripts[1] = script
        house.context.open(house.view.say)
        limits = Limits(timeout=10, start_timeout=30)
        resources = Resources(house.context, house.servers, limits, house.view, GpuPool(None))
        started.append(JobRun(job(x=1), resources, Group("group"), note_state))
        return started[0]

    def note_state() -> None:
        measured.append(started[0].state)

    yield start
    for run in started:
        run.close()


def step(run: JobRun) -> JobState:
    """Handle the next message; return the state that it leads to."""
    while True:
        assert wait([run.fileno()], PATIENCE)
        if (message := run.receive(is_readable=True)) is not None:
            run.handle(message)
            return run.state


def test_all_states_in_their_order(house: House, start: Start, measured: list[JobState]) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Metric("loss", 1, 0, 0))
        worker.hand_over(Measured())
        worker.end(Outcome.FINISHED, "", Note("done"))

    run = start(script)
    assert (run.state, run.record.exists, run.deadline.at) == (JobState.STARTING, False, 1030)
    assert step(run) is JobState.READY
    assert (run.record.exists, run.deadline) == (True, NEVER)  # it may have to wait for its turn
    house.clock.now += 100
    run.go()
    assert (run.state, run.deadline.at) == (JobState.WORKING, 1110)
    assert step(run) is JobState.WORKING
    assert step(run) is JobState.DRAWING
    assert measured == [JobState.DRAWING]
    assert run.deadline.at == 1110
    assert not run.has_finished
    assert step(run) is JobState.ENDED
    assert (run.has_finished, run.deadline) == (True, NEVER)
    assert house.store.client.runs()[0].info.status == "RUNNING"
    end = run.end(None)
    assert (end.status, end.note, end.metrics) == ("FINISHED", "done", {"loss": 1.0})
    assert house.store.client.runs()[0].info.status == "FINISHED"


@pytest.mark.parametrize(
    ("later", "last", "compared"),
    [([], 1.0, {"loss": 1.0}), ([math.nan], math.nan, {}), ([math.inf, 2.0], 2.0, {"loss": 2.0})],
)
def test_what_is_no_finite_number_is_not_stored_and_hides_what_came_before(
    house: House, start: Start, later: list[float], last: float, compared: dict[str, float]
) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        for step, value in enumerate([1.0, *later]):
            worker.hand_over(Metric("loss", value, step, 0))
        worker.end()

    run = start(script)
    step(run)
    run.go()
    while step(run) is not JobState.ENDED:
        pass
    end = run.end(None)
    (stored,) = house.store.client.runs()
    assert math.isfinite(stored.data.metrics["loss"])
    (result,) = job_results([stored], "memory")
    assert result.metrics == compared
    client = house.context.client
    for metrics in (end.metrics, end_of(stored).metrics, Result(client, stored).metrics):
        assert metrics == pytest.approx({"loss": last}, nan_ok=True)
    assert model_scores.in_words(client, stored.info.run_id, ["loss"]) == (f"loss {last:g}" if compared else "")


def test_a_table_without_rows_is_an_empty_frame(house: House, start: Start) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.REFUSED, "no point fits", Table("results", []), Table("known", [{"n": 1}]))

    run = start(script)
    step(run)
    run.go()
    step(run)
    run.end(None)
    tables = Result(house.context.client, *house.store.client.runs()).tables
    assert (tables["results"].empty, tables["known"]["n"].tolist()) == (True, [1])


def test_a_worker_that_dies_at_once_skips_to_the_end(house: House, start: Start) -> None:
    run = start(lambda worker: setattr(worker, "exit_code", -11))
    assert step(run) is JobState.ENDED
    assert (run.record.exists, run.has_finished) == (False, False)
    end = run.end(None)
    assert end.reason == "TensorFlow could not be started: the worker process was killed by SIGSEGV"
    assert house.store.client.runs() == []


def test_a_deadline_is_missed_once(house: House, start: Start) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.end_when_interrupted()

    run = start(script)
    step(run)
    run.go()
    assert run.receive(is_readable=False) is None
    assert run.deadline is not NEVER
    house.clock.now += 11
    assert run.receive(is_readable=False) is None
    assert run.deadline is NEVER
    assert step(run) is JobState.ENDED
    assert run.end(None).reason.startswith("it took longer than hydra.launcher.timeout=10 seconds")


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "come while others were handled"])
def test_a_message_that_came_in_time_counts_before_the_deadline(house: House, start: Start, seen: bool) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.end()

    run = start(script)
    step(run)
    run.go()
    assert wait([run.fileno()], PATIENCE)
    house.clock.now += 11
    message = run.receive(is_readable=seen)
    assert isinstance(message, Ended)
    run.handle(message)
    assert run.end(None).status == "FINISHED"
