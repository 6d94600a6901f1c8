"""The store in memory does as MLflow's own: what the runner's tests believe of it is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from runner.tracking.run import end_run, experiment_id
from runner.tracking.store import LocalStore, Store
from tests.runner.memory_store import MemoryStore


@pytest.fixture(scope="module", params=["memory", "SQLite"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    return MemoryStore(folder) if request.param == "memory" else LocalStore(folder)


@pytest.fixture(scope="module")
def client(store: Store) -> MlflowClient:
    store.check()
    return store.open()


@pytest.fixture(scope="module")
def experiment(store: Store, client: MlflowClient) -> str:
    return experiment_id(store, client, "toy")


def test_an_experiment_is_made_once(store: Store, client: MlflowClient, experiment: str) -> None:
    assert experiment_id(store, client, "toy") == experiment
    assert client.get_experiment_by_name("nothing") is None
    assert experiment in [found.experiment_id for found in client.search_experiments()]
    with pytest.raises(MlflowException):
        client.create_experiment("toy")


def test_a_run(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment, 1000, {"a": "1"}, "name")
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("RUNNING", 1000, None)
    metrics = [Metric("loss", value, 0, step) for step, value in enumerate((3.0, 2.0))]
    client.log_batch(run.info.run_id, metrics, [Param("x", "1")], [RunTag("b", "2")])
    client.set_tag(run.info.run_id, "a", "3")
    client.set_terminated(run.info.run_id, "FINISHED", 2000)
    found = client.get_run(run.info.run_id)
    assert (found.info.status, found.info.end_time, found.info.run_name) == ("FINISHED", 2000, "name")
    assert (found.data.metrics, found.data.params) == ({"loss": 2.0}, {"x": "1"})
    assert {name: found.data.tags[name] for name in ("a", "b")} == {"a": "3", "b": "2"}
    client.update_run(run.info.run_id, status="RUNNING")
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
    end_run(client, run.info.run_id, "KILLED", "gone")
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def test_runs_are_found(client: MlflowClient, experiment: str) -> None:
    for start in (3000, 1000, 2000):
        client.create_run(experiment, start, {"kind": "found", "with.dot": "it's"[:2]}, str(start))

    def found(**more: Any) -> Any:
        return client.search_runs([experiment], "tags.`kind` = 'found' AND attributes.status = 'RUNNING'", **more)

    oldest_first = ["attributes.start_time ASC"]
    assert [run.info.start_time for run in found(order_by=oldest_first)] == [1000, 2000, 3000]
    assert [run.info.start_time for run in found(order_by=["attributes.start_time DESC"])] == [3000, 2000, 1000]
    page = found(order_by=oldest_first, max_results=2)
    assert len(page) == 2
    rest = found(order_by=oldest_first, max_results=2, page_token=page.token)
    assert [run.info.start_time for run in rest] == [3000]
    assert not rest.token
    assert client.search_runs([experiment], "tags.`with.dot` = 'it'")
    assert not client.search_runs([experiment], "tags.`kind` = 'another'")
    assert not client.search_runs(["77"], "")


def test_artifacts(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    run = client.create_run(experiment, 1000, {}, "name")
    folder = Path(run.info.artifact_uri.removeprefix("file://"), "checkpoint")
    folder.mkdir(parents=True)
    (folder / "epoch").write_text("3")
    assert [file.path for file in client.list_artifacts(run.info.run_id, "checkpoint")] == ["checkpoint/epoch"]
    assert client.list_artifacts(run.info.run_id, "nothing") == []
    copied = Path(client.download_artifacts(run.info.run_id, "checkpoint", str(tmp_path)))
    assert (copied / "epoch").read_text() == "3"
    with pytest.raises((MlflowException, OSError)):
        client.download_artifacts(run.info.run_id, "nothing", str(tmp_path))


def test_what_is_not_there(client: MlflowClient) -> None:
    with pytest.raises(MlflowException):
        client.get_run("7")
