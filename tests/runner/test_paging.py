"""All is found in a store that answers with a page at a time, here with one thing a page."""

from __future__ import annotations

from functools import partialmethod
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModel

from experiments.recorder import MODEL_FILE
from runner.sweep.known_runs import known_runs
from runner.tracking import models, tags
from runner.tracking.find_run import find_run
from runner.tracking.orphans import end_orphans, owner_tags, running_here
from runner.tracking.sources import SourceNotFound, find
from runner.tracking.store import LocalStore
from tests.runner.memory_store import MemoryClient, MemoryStore

EXPERIMENTS = ("first", "second", "third")

DEAD = owner_tags() | {tags.PROCESS: "1 1"}
"""The tags of a run whose process is gone."""

SEARCHED = ("experiments", "runs", "model_versions", "registered_models", "logged_models")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A store whose searches find more than they answer with at once."""
    store = LocalStore(tmp_path / "store")
    store.check()
    opened = store.open()
    for name in EXPERIMENTS:
        opened.create_experiment(name, store.artifact_location(name))
    for search in (f"search_{what}" for what in SEARCHED):
        monkeypatch.setattr(MlflowClient, search, partialmethod(getattr(MlflowClient, search), max_results=1))
    return opened


def run(client: MlflowClient, experiment: str, tagged: dict[str, str], start: int = 1, status: str = "FINISHED") -> str:
    kept_in = client.get_experiment_by_name(experiment).experiment_id
    run_id: str = client.create_run(kept_in, start, tagged, experiment).info.run_id
    client.log_text(run_id, "weights", MODEL_FILE)
    if status != "RUNNING":
        client.set_terminated(run_id, status)
    return run_id


def test_the_latest_run_and_its_model(client: MlflowClient, tmp_path: Path) -> None:
    """Whichever MLflow experiment has it: each has the newest run once."""
    for start, experiment in enumerate((*EXPERIMENTS, *reversed(EXPERIMENTS)), start=1):
        newest = run(client, experiment, {tags.EXPERIMENT: "training"}, start)
        assert find_run(client, "latest").info.run_id == newest
        assert find_run(client, newest[:12]).info.run_id == newest
        scratch = tmp_path / str(start)
        scratch.mkdir()
        assert find(client, "latest", scratch).facts == {"run_id": newest}


def test_runs_whose_process_is_gone(client: MlflowClient) -> None:
    """Two of one MLflow experiment among them."""
    dead = {run(client, experiment, DEAD, status="RUNNING") for experiment in (*EXPERIMENTS, "first")}
    alive = run(client, "second", owner_tags(), status="RUNNING")
    orphans, others = running_here(client)
    assert {one.info.run_id for one in orphans} == dead
    assert [one.info.run_id for one in others] == [alive]
    assert end_orphans(client) == len(dead)
    assert running_here(client)[0] == []


def test_the_models_of_a_run_whose_process_is_gone(client: MlflowClient) -> None:
    """Unfinished ones go with their versions, finished ones stay."""
    dead = run(client, "third", DEAD, status="RUNNING")
    begun = [_logged(client, "third", dead) for _ in range(3)]
    done = _logged(client, "third", dead)
    client.finalize_logged_model(done.model_id, "READY")
    for name in ("cats", "dogs"):
        client.create_registered_model(name, tags={tags.RUN_ID: dead})
        for _ in range(2):
            client.create_model_version(name, begun[0].artifact_location, dead)
    end_orphans(client)
    assert [model.model_id for model in models.logged_models(client)] == [done.model_id]
    assert list(models.model_versions(client)) == []
    assert list(client.search_registered_models()) == []


def test_models_and_their_versions(client: MlflowClient, tmp_path: Path) -> None:
    """Those of all MLflow experiments; a name that is none is told with all that are."""
    made = {_logged(client, name, run(client, name, {})).model_id for name in EXPERIMENTS}
    for name in ("cats", "dogs"):
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, "file:///nowhere")
        client.set_registered_model_alias(name, "champion", "1")
    assert {model.model_id for model in models.logged_models(client)} == made
    assert len(list(models.model_versions(client))) == 4
    assert set(models.aliases(client)) == {("cats", "champion", "1"), ("dogs", "champion", "1")}
    with pytest.raises(SourceNotFound, match="there are cats, dogs"):
        find(client, "cows/1", tmp_path)
    with pytest.raises(SourceNotFound, match="has no version 3; it has 1, 2"):
        find(client, "cats/3", tmp_path)


def _logged(client: MlflowClient, experiment: str, run_id: str) -> LoggedModel:
    kept_in = client.get_experiment_by_name(experiment).experiment_id
    return client.create_logged_model(kept_in, source_run_id=run_id)


def test_a_plan_knows_the_mlflow_experiment_of_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        MemoryClient, "search_experiments", partialmethod(MemoryClient.search_experiments, max_results=1)
    )
    store = MemoryStore(tmp_path)
    for name in EXPERIMENTS:
        store.client.create_run(store.client.create_experiment(name), 1, {}, name)
    assert {one.mlflow_experiment for one in known_runs(store)} == set(EXPERIMENTS)
