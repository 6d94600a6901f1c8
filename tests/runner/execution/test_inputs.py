"""What a job needs from the store, and the context it shares with others."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from experiments.recorder import Source
from runner.errors import ExitStatus
from runner.execution import inputs
from runner.execution.job import Job
from runner.messages import Measured, StoredInputs, Table
from runner.sweep.parent import children
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.sources import SourceNotFound
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import LeavingToy, NeedyToy, TimedToy, job
from tests.waiting import PATIENCE


@pytest.fixture
def needy(house: House) -> Job:
    return job(kind=NeedyToy)


def test_a_model_is_found_before_the_run_begins(
    house: House, needy: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("digits, version 3", tmp_path / "model.keras", facts={"run_id": "7", "version": "3"})
    folders = []

    def find(client: object, wanted: str, scratch: Path, *rest: object) -> Source:
        assert (client, wanted) == (house.store.client, "latest")
        folders.append(scratch)
        return source

    taken: list[StoredInputs] = []

    def script(worker: FakeWorker) -> None:
        taken.append(worker.start())
        assert folders[0].is_dir()
        worker.end()

    monkeypatch.setattr(inputs, "find", find)
    house.servers.scripts[1] = script
    assert house.run(needy)[0].status == "FINISHED"
    assert taken[0].sources == {"latest": source}
    (run,) = house.store.client.runs()
    assert {name: run.data.tags[name] for name in ("source.run_id", "source.version")} == {
        "source.run_id": "7",
        "source.version": "3",
    }
    assert not folders[0].exists()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_model_of_an_earlier_job_is_looked_for_when_that_has_ended(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_jobs: int
) -> None:
    """Its worker is ready long before: the trained model is registered when its run ends, and that counts."""
    house.as_sweep()
    statuses = []

    def find(client: object, wanted: str, scratch: Path, sweep: str, *rest: object) -> Source:
        statuses.extend(run.info.status for run in house.store.client.runs() if run.info.run_id != sweep)
        assert sweep == house.context.parent.id
        return Source("its model", tmp_path / "model.keras")

    ready = Event()

    def trains(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Measured())
        assert ready.wait(PATIENCE)
        worker.end()

    def deploys(worker: FakeWorker) -> None:
        worker.get_ready()
        ready.set()
        worker.begin()
        worker.end()

    monkeypatch.setattr(inputs, "find", find)
    house.servers.scripts |= {1: trains, 2: deploys}
    ends = house.run(job(1, 0, LeavingToy), job(2, 1, NeedyToy), n_jobs=n_jobs)
    assert [(number, end.status) for number, end in ends.items()] == [(0, "FINISHED"), (1, "FINISHED")]
    assert statuses == ["FINISHED"]


def test_jobs_of_several_experiments_are_kept_each_under_its_own(house: House) -> None:
    house.as_sweep()
    house.run(job(1, 0), job(2, 1, LeavingToy))
    names = {found.experiment_id: found.name for found in house.store.client.search_experiments()}
    assert [names[run.info.experiment_id] for run in house.store.client.runs()] == ["toy", "toy", "leaving"]
    assert [child.data.metrics["loss"] for child in children(house.context, house.context.parent.id)] == [1.0, 2.0]


def test_a_job_of_a_sweep_whose_model_is_missing_does_not_keep_the_others_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*arguments: object) -> Source:
        raise SourceNotFound("no run has left a model")

    house.as_sweep()
    monkeypatch.setattr(inputs, "find", find)
    ends = house.run(job(1, 0), job(2, 1, NeedyToy), job(3, 2))
    assert [(number, end.status) for number, end in ends.items()] == [(0, "FINISHED"), (1, "FAILED"), (2, "FINISHED")]
    assert ends[1].reason == "experiment.source=latest: no run has left a model"


def test_a_model_that_is_missing_leaves_no_run(house: House, needy: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(client: object, wanted: str, scratch: Path, *rest: object) -> Source:
        raise SourceNotFound("no run has left a model")

    monkeypatch.setattr(inputs, "find", find)
    end = house.run(needy)[0]
    assert end.reason == "experiment.source=latest: no run has left a model"
    assert (end.run_id, end.exit_status) == (None, ExitStatus.WRONG_INPUT)
    assert house.store.client.runs() == []
    house.as_sweep()
    end = house.run(needy)[0]
    assert end.run_id is not None
    assert house.store.client.get_run(end.run_id).data.tags[tags.REASON] == end.reason


def test_runs_whose_process_is_gone_are_marked(house: House) -> None:
    client = house.store.client
    experiment = client.create_experiment("toy")
    orphan = client.create_run(experiment, 0, owner_tags() | {tags.PROCESS: "1 0"}, "orphan")
    alive = client.create_run(experiment, 0, owner_tags(), "alive")
    elsewhere = client.create_run(experiment, 0, {tags.HOST: "elsewhere", tags.PROCESS: "1 0"}, "elsewhere")
    house.context.open(house.view.lines.append)
    house.context.open(house.view.lines.append)  # once only
    assert house.view.lines == ["marked as KILLED: 1 run(s) whose process is gone"]
    states = [client.get_run(run.info.run_id).info.status for run in (orphan, alive, elsewhere)]
    assert states == ["KILLED", "RUNNING", "RUNNING"]


def test_runs_go_to_the_experiment_that_is_named(house: House) -> None:
    house.run(job(), job(number=1, tracking={"experiment": "mine"}))
    names = {experiment.experiment_id: experiment.name for experiment in house.store.client.search_experiments()}
    assert [names[run.info.experiment_id] for run in house.store.client.runs()] == ["toy", "mine"]


@pytest.mark.parametrize(("method", "found"), [("adaptive", True), ("textbook", False)])
def test_a_run_with_intervals_knows_the_answer_before_it(house: House, method: str, found: bool) -> None:
    """The newest finished one; one that was killed has no answer."""
    taken = []

    def finishes(worker: FakeWorker) -> None:
        taken.append(worker.start().answered)
        worker.hand_over(Table("results", [{"n": 7, "median_us": float(len(taken))}]))
        worker.end()

    def dies(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Table("results", [{"n": 7, "median_us": 9.0}]))
        worker.exit_code = -9

    asked = job(kind=TimedToy)
    asked.config.experiment.timing.method = method
    for script in (finishes, finishes, dies, finishes):
        house.servers.scripts[1] = script
        house.run(asked)
    assert taken[0] is None
    assert [answered.results for answered in taken[1:] if answered] == [
        [{"n": "7", "median_us": time}] for time in ("1.0", "2.0") if found
    ]
    house.as_sweep()
    house.servers.scripts[1] = finishes
    house.run(asked)
    assert taken[-1] is None
