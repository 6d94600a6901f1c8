"""Names and aliases in the registry: which question has which name, and who becomes champion. Nothing is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from experiments.measure.contest import Judged
from experiments.recorder import JUDGED_FILE, DatasetFacts, ModelCard
from runner.errors import StoreError
from runner.messages import DatasetRecord, File, Metric, ModelRecord, Note
from runner.tracking.run import TrackedRun, experiment_id
from runner.tracking.store import LocalStore

X = np.arange(100, dtype=np.float32)[:, None]
TRUTH = np.arange(100) % 2


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("registry") / "store")
    store.check()
    return store, store.open()


class _Trainer:
    """Registers models under one name, for runs with different questions."""

    def __init__(self, store: LocalStore, client: Any, name: str) -> None:
        self.name, self.client, self._store = name, client, store
        self._experiment = experiment_id(store, client, name)

    def train(self, wrong: int = 0, card: ModelCard | None = None, test_set: Any = X, **question: Any) -> TrackedRun:
        """Finish a run whose model is wrong on the first examples of the test set."""
        run = TrackedRun.create(self._store, self.client, self._experiment, "a run", {})
        run.parameters({"experiment.registered_name": self.name, "seed": 0} | question)
        said = np.where(np.arange(100) < wrong, 1 - TRUTH, TRUTH)
        card = card or ModelCard(for_one_question=True, scores=("test/accuracy",))
        run.record(
            [
                DatasetRecord(DatasetFacts("people", "people.csv", "abc", ("float32", (1,)), "int64", {})),
                Metric("test/accuracy", 1 - wrong / 100, 0, 1000),
                Note("**Trained**: RUN_ID"),
                File(JUDGED_FILE, Judged.of_classes(test_set, TRUTH, said).to_bytes()),
                ModelRecord("model", b"a .keras file", X[:2], X[:2], self.name, {}, 0, card),
            ]
        )
        run.end("FINISHED")
        return run

    def compete(self, wrong: int, **given: Any) -> TrackedRun:
        return self.train(wrong, ModelCard(alias="champion", scores=("test/accuracy",)), **given)

    def names(self) -> dict[str, int]:
        """The registered models and how many versions each has."""
        found = [one.name for one in self.client.search_registered_models() if one.name.startswith(self.name)]
        return {name: len(self.client.search_model_versions(f"name = '{name}'")) for name in found}

    def champion(self) -> int:
        return int(self.client.get_registered_model(self.name).aliases["champion"])


@pytest.fixture
def trainer(opened, request):
    store, client = opened
    return _Trainer(store, client, request.node.name.removeprefix("test_").replace("_", "-"))


def test_the_same_question_makes_versions_and_another_one_gets_a_name_of_its_own(trainer):
    trainer.train()
    trainer.train()
    other = trainer.train(seed=1)
    trainer.train(seed=1)
    (suffixed,) = set(trainer.names()) - {trainer.name}
    assert trainer.names() == {trainer.name: 2, suffixed: 2}
    assert suffixed.startswith(f"{trainer.name}-")
    assert f"The name `{trainer.name}` is that of another question (`seed`: 0 there, 1 here)" in other.last_note
    assert f"models:/{suffixed}/1" in other.last_note


def test_who_names_a_model_gets_versions_of_different_questions(trainer):
    for seed in range(2):
        trainer.train(card=ModelCard(), seed=seed)
    assert trainer.names() == {trainer.name: 2}


def test_a_name_whose_owner_is_gone_is_not_taken(trainer):
    run = trainer.train()
    trainer.client.delete_registered_model(trainer.name)
    trainer.client.create_registered_model(trainer.name)
    trainer.client.create_model_version(trainer.name, trainer.client.get_run(run.id).info.artifact_uri)
    assert "is that of another question (of a run that is no longer there)" in trainer.train().last_note
    assert trainer.names()[trainer.name] == 1


def test_a_champion_is_replaced_only_by_a_better_one(trainer):
    first = trainer.compete(20)
    assert trainer.champion() == 1
    assert "Version 1 is now `@champion`. No version had it before." in first.last_note
    by_chance = trainer.compete(16, seed=1)
    assert trainer.champion() == 1
    assert "Version 2 is **not** `@champion`: version 1 stays it" in by_chance.last_note
    assert "McNemar's exact test, p = 0.12" in by_chance.last_note
    better = trainer.compete(5, seed=2)
    assert trainer.champion() == 3
    assert "Version 3 is now `@champion` instead of version 1." in better.last_note
    trainer.compete(5, seed=2)
    assert trainer.champion() == 3
    found = trainer.client.get_model_version(trainer.name, "3")
    assert "is now `@champion` instead of version 1" in found.description
    assert "mlflow.pyfunc.load_model" in found.description


def test_a_champion_of_another_test_set_stays(trainer):
    trainer.compete(20)
    run = trainer.compete(0, test_set=X + 1)
    assert trainer.champion() == 1
    assert "The two were judged on different test sets." in run.last_note


def test_a_champion_stays_if_the_store_fails_at_the_end(trainer, monkeypatch):
    trainer.compete(20)

    def fail(*arguments: Any) -> None:
        raise MlflowException("the disk is full")

    monkeypatch.setattr(trainer.client, "set_terminated", fail)
    with pytest.raises(StoreError):
        trainer.compete(0)
    assert trainer.champion() == 1
    assert trainer.names() == {trainer.name: 1}


def test_models_are_found_and_sorted_by_their_scores(trainer):
    runs = [trainer.train(wrong, seed=wrong) for wrong in (10, 30, 20)]
    found = trainer.client.search_logged_models(
        [runs[0].experiment_id], order_by=[{"field_name": "metrics.test/accuracy", "ascending": False}]
    )
    assert [one.source_run_id for one in found] == [runs[0].id, runs[2].id, runs[1].id]
    (score,) = found[0].metrics
    assert (score.key, score.value, score.dataset_name) == ("test/accuracy", 0.9, "people")
    assert len(trainer.client.get_metric_history(runs[0].id, "test/accuracy")) == 1


def test_the_note_names_its_run(trainer):
    run = trainer.train()
    note = trainer.client.get_run(run.id).data.tags["mlflow.note.content"]
    assert f"**Trained**: {run.id}" in note
    assert note.count("```python") == 3
