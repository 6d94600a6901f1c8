"""Jobs through the scheduler, with fake workers and a store in memory."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Event

import pytest

from runner.errors import ExitStatus, StoreError
from runner.execution import context
from runner.execution.job import Job
from runner.execution.pruner import Pruned
from runner.messages import File, Known, Measured, Metric, Note, Outcome, Record, Settled
from runner.tracking import tags
from tests.runner.execution.conftest import House, work
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import ResumableToy, job
from tests.runner.memory_store import artifact
from tests.waiting import PATIENCE, wait_until


def loss(value: float) -> Metric:
    return Metric("loss", value, 0, 0)


def test_a_job_becomes_a_run(house: House) -> None:
    end = house.run(job(x=2))[0]
    assert (end.status, end.reason, end.exit_status) == ("FINISHED", "", ExitStatus.OK)
    assert (end.metrics, end.note) == ({"loss": 2.0}, "x = 2")
    (run,) = house.store.client.runs()
    assert (run.info.run_id, run.info.status) == (end.run_id, "FINISHED")
    assert run.info.run_name == "x=2 CPU"
    assert run.data.params["experiment.x"] == "2.0"
    assert run.data.tags["device.actual"] == "CPU:0"
    assert artifact(run, "config.yaml").startswith("# python -m runner experiment.x=2\n")
    assert house.view.lines == ["0 started", "0 goes on", "0 FINISHED"]


def test_what_is_handed_over_is_stored_before_the_worker_goes_on(house: House) -> None:
    """Nothing is timed while the store is written."""
    seen = []

    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(1))
        seen.append(house.store.client.runs()[0].data.metrics)
        worker.end()

    house.servers.scripts[1] = script
    house.run(job(x=1))
    assert seen == [{"loss": 1.0}]


@dataclass
class PrunesBeyond:
    """Ends a job with the first loss that is larger than told."""

    loss: float

    def require_steps(self, job: Job) -> None:
        """Any job will do."""

    def judge(self, job: Job, records: Sequence[Record]) -> Pruned | None:
        large = [one for one in records if isinstance(one, Metric) and one.value > self.loss]
        return (
            Pruned(large[0].step, f"pruned at step {large[0].step} with loss = {large[0].value:g}") if large else None
        )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_hopeless_job_is_pruned(house: House, n_jobs: int) -> None:
    """What it has found is kept, and the others do not notice."""

    def learns(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Metric("loss", worker.x, 1, 0))
        worker.hand_over(Metric("loss", worker.x * 2, 2, 0))
        if worker.x > 2:
            worker.end_when_interrupted(Note("so far"))
        else:
            worker.end()

    house.as_sweep()
    house.context.pruner = PrunesBeyond(5)
    house.servers.scripts |= dict.fromkeys((1, 2, 3), learns)
    ends = house.run(job(x=3), job(x=1, number=1), job(x=2, number=2), n_jobs=n_jobs)
    assert {number: (end.status, end.pruned_at) for number, end in ends.items()} == {
        0: ("KILLED", 2),
        1: ("FINISHED", None),
        2: ("FINISHED", None),
    }
    (run,) = [run for run in house.store.client.runs() if tags.PRUNED in run.data.tags]
    assert run.info.status == "KILLED"
    assert run.data.tags[tags.PRUNED] == "2"
    assert run.data.tags[tags.NOTE] == "**KILLED**: pruned at step 2 with loss = 6\n\nso far"
    assert run.data.metrics == {"loss": 6.0}


def test_a_reason_is_shown_as_it_stands(house: House) -> None:
    def crashes(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.REFUSED, "the file <x>*y* | is missing")

    house.servers.scripts[1] = crashes
    house.run(job(x=1))
    (run,) = house.store.client.runs()
    assert run.data.tags[tags.NOTE] == r"**FAILED**: the file &lt;x>\*y\* \| is missing"
    assert run.data.tags[tags.REASON] == "the file <x>*y* | is missing"


def test_one_job_after_the_other(house: House) -> None:
    """The next worker gets ready while the one before it draws, and begins when that one is written down."""
    has_begun = Event()
    before = []

    def draws(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Measured())
        wait_until(lambda: len(house.store.client.runs()) == 2, "the next worker is ready", pause=0.001)
        worker.hand_over(loss(1))  # answered when all that goes before has been done
        assert not has_begun.wait(0.1)
        worker.end()

    def follows(worker: FakeWorker) -> None:
        worker.start()
        has_begun.set()
        before.append(house.store.client.runs()[0].info.status)
        worker.end()

    house.servers.scripts |= {1: draws, 2: follows}
    ends = house.run(job(x=1), job(x=2, number=1))
    assert [end.status for end in ends.values()] == ["FINISHED", "FINISHED"]
    assert before == ["FINISHED"]


def test_no_job_starts_while_another_measures(house: House) -> None:
    others = []

    def measures(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(1))
        others.append(len(house.servers.server.workers))
        worker.end()

    house.servers.scripts |= {1: measures, 2: measures}
    house.run(job(x=1), job(x=2, number=1))
    assert others == [1, 2]


def test_jobs_side_by_side(house: House) -> None:
    """Two of three at a time, and never more."""
    pair = Barrier(2, timeout=PATIENCE)
    at_work = set[int]()
    most = []

    def script(worker: FakeWorker) -> None:
        worker.start()
        at_work.add(worker.number)
        most.append(len(at_work))
        if worker.number < 3:
            pair.wait()
        at_work.discard(worker.number)
        worker.end()

    house.servers.scripts |= {1: script, 2: script, 3: script}
    ends = house.run(*(job(x=x, number=x) for x in (1, 2, 3)), n_jobs=2)
    assert {number: end.status for number, end in ends.items()} == dict.fromkeys((1, 2, 3), "FINISHED")
    assert max(most) == 2


def test_a_place_that_is_free_is_taken_once(house: House) -> None:
    """When one of two jobs ends, one other starts."""
    second_works, seen = Event(), Event()
    workers = []

    def first(worker: FakeWorker) -> None:
        worker.start()
        assert second_works.wait(PATIENCE)
        worker.end()

    def second(worker: FakeWorker) -> None:
        worker.start()
        second_works.set()
        wait_until(lambda: len(house.store.client.runs()) == 3, "the third is ready", pause=0.001)
        worker.hand_over(loss(1))
        workers.append(len(house.servers.server.workers))
        seen.set()
        worker.end()

    def third(worker: FakeWorker) -> None:
        worker.start()
        assert seen.wait(PATIENCE)
        worker.end()

    house.servers.scripts |= {1: first, 2: second, 3: third}
    ends = house.run(*(job(x=x, number=x) for x in (1, 2, 3, 4)), n_jobs=2)
    assert [end.status for end in ends.values()] == ["FINISHED"] * 4
    assert workers == [3]


def test_a_job_learns_what_earlier_ones_have_found_out(house: House) -> None:
    known = []

    def finds_out(worker: FakeWorker) -> None:
        known.append(worker.start().known)
        worker.hand_over(Known("peak", 7.0))
        worker.end()

    house.servers.scripts |= {1: finds_out, 2: finds_out}
    house.run(job(x=1), job(x=2, number=1), job(x=2, number=2, device={"intra_op_threads": 1}))
    assert known == [{}, {"peak": 7.0}, {}]  # another device has another peak


def leaves_a_checkpoint(worker: FakeWorker) -> None:
    """Is killed after three epochs."""
    worker.start()
    worker.hand_over(File("checkpoint/epoch", b"3"), Settled("execution", "graph"))
    worker.exit_code = -9


def test_a_job_goes_on_with_what_an_unfinished_run_has_left(house: House) -> None:
    taken = []

    def goes_on(worker: FakeWorker) -> None:
        inputs = worker.start()
        taken.append((inputs.earlier and (inputs.earlier / "epoch").read_text(), inputs.settled))
        worker.end()

    house.servers.scripts[1] = leaves_a_checkpoint
    assert house.run(job(x=1, kind=ResumableToy))[0].status == "FAILED"
    house.servers.scripts[1] = goes_on
    house.run(job(x=1, kind=ResumableToy))
    house.run(job(x=1, kind=ResumableToy, sweep={"resume": True}))
    assert taken[0] == (None, {"execution": "graph"})  # nobody asked it to go on
    assert taken[1] == (None, {"execution": "graph"})  # the newest run of the question has finished
    house.servers.scripts[1] = leaves_a_checkpoint
    house.run(job(x=1, kind=ResumableToy))
    house.servers.scripts[1] = goes_on
    house.run(job(x=1, kind=ResumableToy, sweep={"resume": True}))
    assert taken[2] == ("3", {"execution": "graph"})


def test_a_job_takes_nothing_from_other_code(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def goes_on(worker: FakeWorker) -> None:
        inputs = worker.start()
        taken.append((inputs.earlier is not None, inputs.settled))
        worker.exit_code = -9

    house.servers.scripts[1] = leaves_a_checkpoint
    house.run(job(x=1, kind=ResumableToy))
    former = house.store.client.runs()[0].data.tags[tags.CODE]
    monkeypatch.setattr(context, "code_hash", lambda kind: "fixed")
    house.servers.scripts[1] = goes_on
    house.run(job(x=1, kind=ResumableToy, sweep={"resume": True}))
    house.run(job(x=1, kind=ResumableToy, sweep={"resume": True, "accept_other_code": True}))
    assert taken == [(False, {}), (True, {"execution": "graph"})]
    said = [line for line in house.view.lines if "not taken over" in line]
    assert [line.partition(", made")[0] for line in said] == [
        "not taken over: checkpoints of 1 run(s)",
        "not taken over: measured choices of 1 run(s)",
    ]
    runs = house.store.client.runs()
    assert [run.data.tags.get(tags.BEGUN_BY) for run in runs] == [None, None, former]
    parts = f"a checkpoint ({former}) and measured choices ({former})"
    assert f"**Goes on with what other code has made, as accepted:** {parts}." in runs[2].data.tags[tags.NOTE]


# How jobs end


@pytest.mark.parametrize(
    ("outcome", "message", "reason"),
    [
        (Outcome.REFUSED, "told to refuse", "told to refuse"),
        (
            Outcome.CRASHED,
            "Traceback\nKeyError: 'a'\n",
            "the experiment crashed (KeyError: 'a'); the run has the traceback",
        ),
    ],
)
def test_an_experiment_without_an_answer(house: House, outcome: Outcome, message: str, reason: str) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.log.write_text("something was printed")
        worker.end(outcome, message, loss(1), Note("half of it"))

    house.servers.scripts[1] = script
    end = house.run(job(x=1))[0]
    assert (end.status, end.reason, end.exit_status) == ("FAILED", reason, ExitStatus.FAILED)
    (run,) = house.store.client.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags[tags.REASON] == reason
    assert run.data.tags[tags.NOTE] == f"**FAILED**: {reason}\n\nhalf of it"
    assert run.data.metrics == {"loss": 1.0}
    assert artifact(run, "lab.log") == "something was printed"
    has_traceback = outcome is Outcome.CRASHED
    assert end.traceback == (message if has_traceback else "")
    assert Path(run.info.artifact_uri.removeprefix("file://"), "traceback.txt").exists() == has_traceback


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [
        (-9, "the worker process was killed by SIGKILL; the system kills so when memory runs out"),
        (-11, "the worker process was killed by SIGSEGV"),
        (3, "the worker process ended with status 3 and without a result"),
    ],
)
def test_a_worker_that_dies_does_not_touch_the_others(house: House, exit_code: int, reason: str) -> None:
    def dies(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(1))
        worker.exit_code = exit_code

    house.servers.scripts[1] = dies
    ends = house.run(job(x=1), job(x=2, number=1))
    assert (ends[0].status, ends[0].reason) == ("FAILED", reason)
    assert ends[0].metrics == {"loss": 1.0}
    assert ends[1].status == "FINISHED"


def test_a_device_that_is_missing_leaves_no_run_of_a_single_job(house: House) -> None:
    def has_no_gpu(worker: FakeWorker) -> None:
        worker.announce()
        worker.end(Outcome.UNAVAILABLE, "there is no GPU")

    house.servers.scripts[1] = has_no_gpu
    end = house.run(job(x=1))[0]
    assert (end.status, end.reason, end.run_id) == ("FAILED", "there is no GPU", None)
    assert end.exit_status == ExitStatus.WRONG_INPUT
    assert house.store.client.runs() == []

    house.as_sweep()
    end = house.run(job(x=1))[0]
    child = house.store.client.runs()[-1]
    assert child.info.run_id == end.run_id
    assert (child.info.status, child.data.tags[tags.REASON]) == ("FAILED", "there is no GPU")
    assert child.data.tags[tags.PARENT] == house.store.client.runs()[0].info.run_id


def test_a_worker_that_cannot_start_shows_what_it_printed(house: House) -> None:
    def cannot_import(worker: FakeWorker) -> None:
        worker.announce()
        worker.log.write_text("libcuda.so is broken")
        worker.exit_code = 1

    house.servers.scripts[1] = cannot_import
    end = house.run(job(x=1))[0]
    assert end.reason == (
        "TensorFlow could not be started: the worker process ended with status 1 and without a result"
    )
    assert end.traceback == "libcuda.so is broken"


def test_fail_fast_starts_no_further_job(house: House) -> None:
    def refuses(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.REFUSED, "no")

    house.servers.scripts[2] = refuses
    jobs = [job(x=x, number=x) for x in (1, 2, 3)]
    assert list(house.run(*jobs, fail_fast=True)) == [1, 2]
    assert list(house.run(*jobs)) == [1, 2, 3]


# Limits


def test_an_experiment_that_takes_too_long_is_interrupted(house: House) -> None:
    def takes_long(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(1))
        house.clock.now += 11
        worker.end_when_interrupted(loss(2))

    house.servers.scripts[1] = takes_long
    ends = house.run(job(x=1), job(x=2, number=1), timeout=10)
    assert ends[0].status == "FAILED"
    assert ends[0].reason == "it took longer than hydra.launcher.timeout=10 seconds; what was measured is kept"
    assert ends[0].metrics == {"loss": 2.0}
    assert ends[1].status == "FINISHED"


def test_the_time_of_an_experiment_counts_from_when_it_begins(house: House) -> None:
    def starts_slowly(worker: FakeWorker) -> None:
        house.clock.now += 100
        work(worker)

    house.servers.scripts[1] = starts_slowly
    assert house.run(job(x=1), timeout=10)[0].status == "FINISHED"


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_device_that_does_not_start(house: House, is_announced: bool) -> None:
    """If nothing was heard of the worker, its server may hang: the next job gets another one."""

    def hangs(worker: FakeWorker) -> None:
        if is_announced:
            worker.announce()
        house.clock.now += 31
        if is_announced:
            worker.end_when_interrupted()
        else:
            worker.begin()

    house.servers.scripts[1] = hangs
    house.as_sweep()
    ends = house.run(job(x=1), job(x=2, number=1), start_timeout=30)
    limit = "hydra.launcher.start_timeout=30 seconds"
    assert ends[0].reason == f"TensorFlow and the device did not start within {limit}"
    assert ends[0].status == "FAILED"
    assert ends[1].status == "FINISHED"
    assert len(house.servers.dropped) == (not is_announced)


def test_the_limit_of_memory_goes_to_the_worker(house: House) -> None:
    house.run(job(x=1), memory_gb=1.5)
    assert house.servers.server.workers[1].assignment.memory_bytes == 1_500_000_000


# Signals


def test_a_signal_keeps_what_there_is_and_starts_nothing_more(house: House) -> None:
    def is_interrupted(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(1))
        house.signal(signal.SIGTERM)
        worker.end_when_interrupted(loss(2))

    house.servers.scripts[1] = is_interrupted
    ends = house.run(job(x=1), job(x=2, number=1))
    assert list(ends) == [0]
    assert (ends[0].status, ends[0].reason) == ("KILLED", "interrupted by SIGTERM; what was measured is kept")
    assert ends[0].metrics == {"loss": 2.0}


def test_a_deaf_worker_gets_six_seconds(house: House) -> None:
    def is_deaf(worker: FakeWorker) -> None:
        worker.start()
        house.signal(signal.SIGINT)
        assert worker.wait_for_signal() == signal.SIGINT
        house.clock.now += 6.5
        assert worker.wait_for_signal() == signal.SIGKILL

    house.servers.scripts[1] = is_deaf
    assert house.run(job(x=1))[0].status == "KILLED"


def test_the_second_signal_does_not_wait(house: House) -> None:
    def is_deaf(worker: FakeWorker) -> None:
        worker.start()
        house.signal(signal.SIGINT)
        house.signal(signal.SIGINT)
        assert [worker.wait_for_signal() for _ in range(2)] == [signal.SIGINT, signal.SIGKILL]
        worker.wait_for_signal()

    house.servers.scripts[1] = is_deaf
    assert house.run(job(x=1))[0].status == "KILLED"


def test_the_users_first_signal_kills_nothing_that_the_program_has_interrupted(house: House) -> None:
    signals = []

    def takes_long(worker: FakeWorker) -> None:
        worker.start()
        house.clock.now += 11
        signals.append(worker.wait_for_signal())
        house.signal(signal.SIGINT)
        signals.extend([] if worker.signals.empty() else [worker.wait_for_signal()])
        worker.end(Outcome.INTERRUPTED, "", loss(2))

    house.servers.scripts[1] = takes_long
    end = house.run(job(x=1), timeout=10)[0]
    assert signals == [signal.SIGINT]
    assert (end.reason.partition("=")[0], end.metrics) == ("it took longer than hydra.launcher.timeout", {"loss": 2.0})


def test_a_signal_before_the_store_is_open_leaves_no_run(house: House) -> None:
    house.interruption(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        house.run(job(x=1))
    assert house.store.client.runs() == []


# A store that fails


def saved(error: BaseException) -> list[Path]:
    """The folders that the sentence names."""
    return [Path(part.split(";")[0]) for part in str(error).split("what was measured is in ")[1:]]


def test_a_store_that_fails_loses_nothing(house: House) -> None:
    """Both jobs that go on are asked for what they have; all of it is saved elsewhere."""
    both = Barrier(2, timeout=PATIENCE)

    def sees_it_fail(worker: FakeWorker) -> None:
        worker.start()
        both.wait()
        house.store.client.fail()
        worker.hand_over(loss(1))
        worker.end_when_interrupted(Metric("last", 1, 0, 0))

    def goes_on(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(loss(2))
        both.wait()
        assert worker.wait_for_signal() == signal.SIGINT
        worker.hand_over(Metric("late", 2, 0, 0))
        worker.end(Outcome.INTERRUPTED)

    house.servers.scripts |= {1: sees_it_fail, 2: goes_on}
    with pytest.raises(StoreError, match="does not take any more: database or disk is full") as caught:
        house.run(job(x=1), job(x=2, number=1), n_jobs=2)
    first, second = ((folder / "metrics.csv").read_text() for folder in saved(caught.value))
    assert first == "metric,step,value\nloss,0,1\nlast,0,1\n"
    assert second == "metric,step,value\nloss,0,2\nlate,0,2\n"


def test_a_store_that_fails_at_the_end_of_a_job(house: House) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        house.store.client.fail()
        worker.end(Outcome.FINISHED, "", loss(1))

    house.servers.scripts[1] = script
    with pytest.raises(StoreError) as caught:
        house.run(job(x=1))
    (folder,) = saved(caught.value)
    assert (folder / "metrics.csv").read_text() == "metric,step,value\nloss,0,1\n"


def require_rescued_from(house: House, waits_for_ever: Callable[[], None]) -> None:
    """A job's metric that the store does not take before the user gives up is saved in a folder that is named."""

    def script(worker: FakeWorker) -> None:
        worker.start()
        house.store.client.before_write = waits_for_ever
        worker.hand_over(loss(1))

    house.servers.scripts[1] = script
    with pytest.raises(StoreError, match="interrupted while writing to the store") as caught:
        house.run(job(x=1))
    (folder,) = saved(caught.value)
    assert "loss,0,1" in (folder / "metrics.csv").read_text()


def test_the_second_signal_ends_the_waiting_for_a_store(house: House) -> None:
    def waits_for_ever() -> None:
        house.store.client.before_write = lambda: None
        house.interruption(signal.SIGINT, None)
        house.interruption(signal.SIGINT, None)

    require_rescued_from(house, waits_for_ever)
    assert house.store.client.runs()[0].info.status == "KILLED"


def test_a_third_signal_loses_nothing(house: House) -> None:
    """It ends the waiting for a store that also hangs when the run is to be closed there."""

    def waits_for_ever() -> None:
        house.interruption(signal.SIGINT, None)
        house.interruption(signal.SIGINT, None)

    require_rescued_from(house, waits_for_ever)


def test_a_bug_of_the_runner_keeps_its_traceback_and_the_numbers(house: House) -> None:
    class Bug(Exception):
        pass

    def crash() -> None:
        house.store.client.before_write = lambda: None
        raise Bug

    def script(worker: FakeWorker) -> None:
        worker.start()
        house.store.client.before_write = crash
        worker.hand_over(loss(1))

    house.servers.scripts[1] = script
    with pytest.raises(Bug) as caught:
        house.run(job(x=1))
    assert "what follows is a bug of this program; what was measured is in" in caught.value.__notes__[0]
    assert house.store.client.runs()[0].info.status == "FAILED"
