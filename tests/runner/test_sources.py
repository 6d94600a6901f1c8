"""``source=latest``: the newest model of any experiment that declares to leave models. No store is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.store.entities import PagedList

from experiments.recorder import CALIBRATION_FILE, MODEL_FILE, TEST_SET_FILE
from runner.config import schema
from runner.tracking import tags
from runner.tracking.sources import SourceNotFound, find
from tests.conftest import ROOT


class FakeStore:
    """The calls of an ``MlflowClient`` that a search for the latest model makes."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.files: dict[str, dict[str, bytes]] = {}

    def add(self, experiment: str, start: int, *files: str, status: str = "FINISHED", sweep: str = "") -> str:
        """A run with files whose content is the run's id."""
        run_id = f"{len(self.runs):032x}"
        info = SimpleNamespace(run_id=run_id, run_name=f"run {start}", start_time=start, status=status)
        self.runs.append(
            SimpleNamespace(
                info=info, data=SimpleNamespace(tags={"experiment": experiment, tags.PARENT: sweep}), outputs=None
            )
        )
        self.files[run_id] = dict.fromkeys(files, run_id.encode())
        return run_id

    def search_experiments(self, order_by: list[str], page_token: None) -> PagedList[Any]:
        return PagedList([SimpleNamespace(experiment_id="1")], None)

    def search_runs(self, ids: list[str], wanted: str, max_results: int, order_by: list[str]) -> list[Any]:
        assert (ids, order_by) == (["1"], ["attributes.start_time DESC"])
        first = r"(?:attributes\.status = '(FINISHED)'|tags\.`mlflow\.parentRunId` = '(\w+)')"
        condition = re.fullmatch(rf"{first} AND tags\.`experiment` = '(\w+)'", wanted)
        assert condition
        status, sweep, experiment = condition.groups()
        found = [
            run
            for run in self.runs
            if run.info.status == (status or run.info.status)
            and run.data.tags["experiment"] == experiment
            and run.data.tags[tags.PARENT] == (sweep or run.data.tags[tags.PARENT])
        ]
        return sorted(found, key=lambda run: -run.info.start_time)[:max_results]

    def list_artifacts(self, run_id: str) -> list[Any]:
        return [SimpleNamespace(path=path) for path in self.files[run_id]]

    def download_artifacts(self, run_id: str, path: str, folder: str) -> str:
        (target := Path(folder, path)).write_bytes(self.files[run_id][path])
        return str(target)


@pytest.fixture
def latest(tmp_path: Path) -> Any:
    return lambda store: find(store, "latest", tmp_path)


@pytest.fixture
def with_trial(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of the experiment ``trial``, which leaves models, is installed."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "trial_package"))
    schema.experiments.cache_clear()
    yield
    schema.experiments.cache_clear()


def test_the_newest_finished_run_that_has_a_model(latest: Any) -> None:
    store = FakeStore()
    store.add("training", 1, MODEL_FILE)
    wanted = store.add("training", 2, MODEL_FILE, TEST_SET_FILE, CALIBRATION_FILE)
    store.add("training", 3, "results.csv")
    store.add("training", 4, MODEL_FILE, status="FAILED")
    store.add("matmul", 5, MODEL_FILE)
    found = latest(store)
    assert found.model.read_text() == wanted
    assert found.test_set.read_text() == wanted
    assert found.calibration.read_text() == wanted
    assert found.facts == {"run_id": wanted}


def test_a_sweep_gets_its_own_model_or_none(tmp_path: Path, latest: Any) -> None:
    store = FakeStore()
    own = store.add("training", 1, MODEL_FILE, sweep="mine")
    other = store.add("training", 2, MODEL_FILE, sweep="another")
    store.add("training", 3, MODEL_FILE, sweep="failing", status="FAILED")
    store.add("training", 4, sweep="beginning", status="RUNNING")
    assert find(store, "latest", tmp_path, "mine").model.read_text() == own
    with pytest.raises(SourceNotFound, match="the training of this sweep has left no model; its run says why"):
        find(store, "latest", tmp_path, "failing")
    for sweep in ("beginning", "training_nothing"):
        assert find(store, "latest", tmp_path, sweep).model.read_text() == other


@pytest.mark.usefixtures("with_trial")
@pytest.mark.parametrize("newest", ["training", "trial"])
def test_another_package_may_have_trained_it(latest: Any, newest: str) -> None:
    store = FakeStore()
    starts = {"training": 1, "trial": 1} | {newest: 2}
    ids = {experiment: store.add(experiment, start, MODEL_FILE) for experiment, start in starts.items()}
    found = latest(store)
    assert found.model.read_text() == ids[newest]
    assert found.test_set is None


def test_without_its_package_a_run_is_nobodys(latest: Any) -> None:
    store = FakeStore()
    store.add("trial", 1, MODEL_FILE)
    with pytest.raises(SourceNotFound) as complained:
        latest(store)
    assert str(complained.value) == (
        "no run of experiment=training has left a model in this store; "
        "run 'python -m runner experiment=training' first, or name a file"
    )


@pytest.mark.usefixtures("with_trial")
def test_the_message_names_every_trainer(latest: Any) -> None:
    with pytest.raises(SourceNotFound, match=r"^no run of experiment=training or experiment=trial has left a model"):
        latest(FakeStore())
