"""What a job needs from the store, and the context it shares with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.recorder import Source
from runner.errors import ExitStatus
from runner.execution import inputs
from runner.execution.job import Job
from runner.messages import StoredInputs
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.sources import SourceNotFound
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import NeedyToy, job


@pytest.fixture
def needy(house: House) -> Job:
    return job(kind=NeedyToy)


def test_a_model_is_found_before_the_run_begins(
    house: House, needy: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("digits, version 3", tmp_path / "model.keras", facts={"run_id": "7", "version": "3"})
    folders = []

    def find(client: object, wanted: str, scratch: Path) -> Source:
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


def test_a_model_that_is_missing_leaves_no_run(house: House, needy: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(client: object, wanted: str, scratch: Path) -> Source:
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
