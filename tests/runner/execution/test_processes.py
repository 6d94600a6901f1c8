"""Jobs that measure in several processes, one after the other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.execution.groups import GROUP
from runner.messages import HandOn, Measured, Metric, Note, Outcome, Table
from runner.tracking import tags
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import TimedToy, job
from tests.runner.memory_store import artifact

PROCESSES = 3


@pytest.fixture
def turns(house: House) -> list[tuple[float, int]]:
    """The turns in their order: the x of the job, and how many processes it had before. Each job takes three."""
    turns = []

    def script(worker: FakeWorker) -> None:
        before = len(worker.start().handed_on)
        turns.append((worker.x, before))
        if before + 1 < PROCESSES:
            worker.hand_over(Table("results", [{"process": before}]))
            worker.hand_over(HandOn(f"[{worker.x:g}, {before}]".encode()), Measured())
            worker.end()
        else:
            worker.end(Outcome.FINISHED, "", Metric("loss", worker.x, 0, 0), Note("done"))

    house.servers.scripts |= dict.fromkeys(range(1, GROUP + 3), script)
    return turns


def test_a_job_goes_on_in_fresh_processes(house: House, turns: list[tuple[float, int]]) -> None:
    end = house.run(job(x=1))[0]
    assert (end.status, end.note, end.metrics) == ("FINISHED", "done", {"loss": 1.0})
    assert turns == [(1, 0), (1, 1), (1, 2)]
    (run,) = house.store.client.runs()
    assert [artifact(run, f"processes/{number}.json") for number in (1, 2)] == ["[1, 0]", "[1, 1]"]
    assert house.view.lines[0] == "0 started"
    assert house.view.lines.count("0 started") == 1


@pytest.mark.parametrize(("seconds", "is_told"), [(3.5, True), (0.5, False)])
def test_the_cost_of_a_process_is_told_once(
    house: House, turns: list[tuple[float, int]], seconds: float, is_told: bool
) -> None:
    takes_turns = house.servers.scripts[1]

    def starts_slowly(worker: FakeWorker) -> None:
        house.clock.now += seconds
        takes_turns(worker)

    house.servers.scripts[1] = starts_slowly
    house.run(job(x=1))
    assert len(turns) == PROCESSES
    line = f"each process takes {seconds:.1f} s to start; experiment.timing.processes says how many"
    assert house.view.lines.count(line) == is_told


def test_jobs_take_turns(house: House, turns: list[tuple[float, int]]) -> None:
    ends = house.run(*(job(x=x, number=x) for x in (1, 2, 3)))
    assert {end.status for end in ends.values()} == {"FINISHED"}
    rounds = [turns[start : start + 3] for start in (0, 3, 6)]
    assert [sorted(one) for one in rounds] == [[(x, before) for x in (1, 2, 3)] for before in range(PROCESSES)]


def test_a_group_ends_before_the_next_begins(house: House, turns: list[tuple[float, int]]) -> None:
    house.run(*(job(x=x, number=x) for x in range(1, GROUP + 3)))
    begun = [x for x, before in turns if before == 0]
    assert begun == list(range(1, GROUP + 3))
    first = GROUP // 2 + 1
    assert all((x, PROCESSES - 1) in turns[: turns.index((first + 1, 0))] for x in range(1, first + 1))


def test_turns_are_kept(house: House, turns: list[tuple[float, int]]) -> None:
    """Jobs share those in which they were measured together, also where one went on in another command."""
    goes_on = house.servers.scripts[1]
    house.as_sweep()
    interrupted_in_the_second_turn(house)
    house.run(*(job(x=x, number=x, kind=TimedToy) for x in (1, 2)))
    house.interruption.number = None
    house.servers.scripts |= {1: goes_on, 2: goes_on}
    house.run(*(job(x=x, number=x, kind=TimedToy, sweep={"resume": True}) for x in (1, 2, 3)))
    tagged = [run.data.tags.get(tags.TURNS, "").split() for run in house.store.client.runs()]
    _, one, other, late = tagged
    assert one == other
    assert len(set(one)) == PROCESSES
    assert late[:2] == one[1:]
    assert late[2] not in one
    assert turns[-1] == (3, 2)


def test_a_job_that_fails_in_a_later_process_keeps_what_the_earlier_ones_found(house: House) -> None:
    def fails(worker: FakeWorker) -> None:
        if worker.start().handed_on:
            worker.end(Outcome.CRASHED, "Traceback\nKeyError: 'a'\n")
        else:
            worker.hand_over(Table("results", [{"n": 1}]))
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    house.servers.scripts[1] = fails
    assert house.run(job(x=1))[0].status == "FAILED"
    (run,) = house.store.client.runs()
    assert artifact(run, "results.csv").split() == ["n", "1"]


def interrupted_in_the_second_turn(house: House, then: signal.Signals = signal.SIGINT) -> None:
    def script(worker: FakeWorker) -> None:
        if worker.start().handed_on:
            house.signal(then)
            worker.end_when_interrupted()
        else:
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    house.servers.scripts |= {1: script, 2: script}


def test_a_signal_ends_the_jobs_that_wait_for_their_turn_too(house: House) -> None:
    interrupted_in_the_second_turn(house)
    ends = house.run(job(x=1), job(x=2, number=1))
    assert {end.status for end in ends.values()} == {"KILLED"}
    assert [run.info.status for run in house.store.client.runs()] == ["KILLED", "KILLED"]
    assert {artifact(run, "processes/1.json") for run in house.store.client.runs()} == {'"found"'}


def test_a_resumed_job_goes_on_with_the_processes_that_are_missing(
    house: House, turns: list[tuple[float, int]]
) -> None:
    goes_on = house.servers.scripts[1]
    interrupted_in_the_second_turn(house)
    house.run(job(x=1))
    house.interruption.number = None
    house.servers.scripts[1] = goes_on
    end = house.run(job(x=1, sweep={"resume": True}))[0]
    assert turns == [(1, 1), (1, 2)]
    (run,) = house.store.client.runs()  # the same run, as nobody had its metrics yet
    assert (run.info.status, run.info.run_id, run.data.metrics) == ("FINISHED", end.run_id, {"loss": 1.0})
    assert "reason" not in run.data.tags


def test_a_run_that_has_metrics_is_continued_in_a_new_one(house: House, turns: list[tuple[float, int]]) -> None:
    goes_on = house.servers.scripts[1]

    def script(worker: FakeWorker) -> None:
        if worker.start().handed_on:
            worker.end(Outcome.CRASHED, "Traceback\nKeyError: 'a'\n", Metric("loss", 7, 0, 0))
        else:
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    house.servers.scripts[1] = script
    house.run(job(x=1))
    house.servers.scripts[1] = goes_on
    house.run(job(x=1, sweep={"resume": True}))
    assert turns == [(1, 1), (1, 2)]
    old, new = house.store.client.runs()
    assert (old.info.status, new.info.status) == ("FAILED", "FINISHED")
    assert artifact(new, "processes/1.json") == '"found"'


def test_the_job_of_a_sweep_is_not_taken_from_it(house: House, turns: list[tuple[float, int]]) -> None:
    """What its processes have found is used all the same."""
    goes_on = house.servers.scripts[1]
    interrupted_in_the_second_turn(house)
    house.as_sweep()
    house.run(job(x=1))
    house.interruption.number = None
    house.context.parent = None
    house.servers.scripts[1] = goes_on
    house.run(job(x=1, sweep={"resume": True}))
    assert turns == [(1, 1), (1, 2)]
    *_, of_the_sweep, alone = house.store.client.runs()
    assert (of_the_sweep.info.status, alone.info.status) == ("KILLED", "FINISHED")
    assert tags.PARENT not in alone.data.tags


def test_nobody_resumes_unasked(house: House, turns: list[tuple[float, int]]) -> None:
    goes_on = house.servers.scripts[1]
    interrupted_in_the_second_turn(house)
    house.run(job(x=1))
    house.interruption.number = None
    house.servers.scripts[1] = goes_on
    house.run(job(x=1))
    assert turns == [(1, 0), (1, 1), (1, 2)]


def test_what_a_power_cut_has_left_of_a_process_is_measured_again(house: House, turns: list[tuple[float, int]]) -> None:
    goes_on = house.servers.scripts[1]

    def script(worker: FakeWorker) -> None:
        if len(worker.start().handed_on) == 2:
            house.signal(signal.SIGINT)
            worker.end_when_interrupted()
        else:
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    house.servers.scripts[1] = script
    house.run(job(x=1))
    house.interruption.number = None
    house.servers.scripts[1] = goes_on
    (run,) = house.store.client.runs()
    Path(run.info.artifact_uri.removeprefix("file://"), "processes", "2.json").write_bytes(b"")
    house.run(job(x=1, sweep={"resume": True}))
    assert turns == [(1, 1), (1, 2)]


def require_rescued(house: House, then: Callable[[FakeWorker], None]) -> None:
    """Require that both jobs are saved elsewhere if the store fails in the second turn, before ``then``."""

    def fails(worker: FakeWorker) -> None:
        if worker.start().handed_on:
            house.store.client.fail()
            then(worker)
        else:
            worker.hand_over(Table("results", [{"n": worker.x}]))
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    house.servers.scripts |= {1: fails, 2: fails}
    with pytest.raises(StoreError) as caught:
        house.run(job(x=1), job(x=2, number=1))
    assert str(caught.value).count("what was measured is in") == 2


def test_a_store_that_fails_while_jobs_that_wait_are_given_up_rescues_them(house: House) -> None:
    def is_interrupted(worker: FakeWorker) -> None:
        house.signal(signal.SIGTERM)
        worker.end_when_interrupted()

    require_rescued(house, is_interrupted)


def test_a_store_that_fails_rescues_the_jobs_that_wait_too(house: House) -> None:
    def goes_on(worker: FakeWorker) -> None:
        worker.hand_over(Metric("loss", 1, 0, 0))
        worker.end()

    require_rescued(house, goes_on)
