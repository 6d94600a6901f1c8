"""Trainings from the command line: the answer in the store, resuming after a kill -9, bad input."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
import psutil
import pytest
from mlflow.data.schema import TensorDatasetSchema

from runner.tracking.sources import find
from runner.tracking.store import LocalStore
from tests.conftest import family_of, run_command, start_command
from tests.in_process import call_main
from tests.reading import artifacts, client, history, runs
from tests.waiting import SOON, wait_until

QUICK = (
    "experiment=training",
    "device=cpu",
    "model=mlp",
    "experiment.model.units=[16]",
    "experiment.model.dropout=0.2",
    "experiment.execution=epoch",
    "experiment.check_saved=false",
    "experiment.patience=null",
)


def train(folder: Path, *words: str, fresh: bool = False) -> Any:
    return run_command("-m", "runner", "tracking.dir=store", *QUICK, *words, cwd=folder, fresh=fresh)


def weights(store: Path, run: Any) -> list[Any]:
    """Return the variables of a run's model, read without TensorFlow, which starts only once in a process."""
    found: list[Any] = []
    with h5py.File(artifacts(store, run) / "model.weights.h5") as file:
        file.visititems(lambda _, item: found.append(np.array(item)) if isinstance(item, h5py.Dataset) else None)
    assert len(found) >= 4
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A training among variables that would make another one of it, or keep it elsewhere."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "keras.json").write_text(json.dumps({"floatx": "float64", "image_data_format": "channels_first"}))
    variables = {
        "KERAS_HOME": str(folder),
        "KERAS_BACKEND": "jax",
        "KERAS_MAX_EPOCHS": "1",
        "TF_USE_LEGACY_KERAS": "1",
        "MLFLOW_REGISTRY_URI": f"sqlite:///{folder}/other.db",
        "MLFLOW_TRACKING_TOKEN": "secret",
    }
    with mock.patch.dict(os.environ, variables):
        done = train(folder, "experiment.epochs=40", "experiment.registered_name=auto", fresh=True)
    assert done.status == 0, done.err
    (run,) = runs(folder / "store", "training")
    return folder / "store", run, done


def test_a_training_is_in_the_store(undisturbed):
    store, run, done = undisturbed
    assert run.info.status == "FINISHED"
    assert sorted(history(store, run, "val/accuracy")) == list(range(1, 41))
    assert run.data.metrics["test/accuracy"] > 0.8
    assert run.data.params["experiment.model"] == "mlp"
    names = {path.name for path in (artifacts(store, run) / "plots").glob("*.png")}
    assert names == {"learning.png", "confusion.png", "mistakes.png", "curves.png"}
    assert (artifacts(store, run) / "saved_model" / "1" / "saved_model.pb").exists()
    (version,) = client(store).search_model_versions("name = 'digits-mlp'")
    assert version.run_id == run.info.run_id
    assert "experiment=deployment" in done.out
    assert {array.dtype for array in weights(store, run)} == {np.dtype("float32")}
    variables = json.loads((artifacts(store, run) / "environment.json").read_text())["variables"]
    assert variables["KERAS_BACKEND"] == "jax"
    assert variables["MLFLOW_TRACKING_TOKEN"] == "***"


def test_the_id_of_a_run_that_failed_is_a_source(tmp_path):
    """The note of a run whose model is not registered tells its reader to use it."""
    store = LocalStore(tmp_path / "store")
    writer = store.open()
    experiment = writer.create_experiment("training", artifact_location=store.artifact_location("training"))
    run_id = writer.create_run(experiment, tags={"experiment": "training"}).info.run_id
    (tmp_path / "model.keras").write_bytes(b"a model")
    writer.log_artifact(run_id, tmp_path / "model.keras")
    writer.set_terminated(run_id, "FAILED")
    (tmp_path / "scratch").mkdir()
    assert find(writer, run_id, tmp_path / "scratch").model.read_bytes() == b"a model"


LOAD = """
import sys
import mlflow, numpy as np
import keras
mlflow.set_tracking_uri(sys.argv[1])
folder = sys.argv[2]
served, trained = mlflow.pyfunc.load_model("models:/digits-mlp/1"), keras.saving.load_model(f"{folder}/model.keras")
x = np.load(f"{folder}/test_set.npz")["x"]
said, expected = served.predict(x), trained(x, training=False)
names = [name.decode() for name in expected["class"].numpy()]
print(np.array_equal(said["logits"], expected["logits"]), said["class"].tolist() == names, names[0].isdigit(), len(x))
"""


def test_the_registered_model_is_what_was_trained(undisturbed):
    """In a process of its own: the same outputs, bit for bit, and the names of the classes as text."""
    store, run, _ = undisturbed
    done = run_command("-c", LOAD, f"sqlite:///{store}/mlflow.db", str(artifacts(store, run)), cwd=store.parent)
    assert done.out.splitlines()[-1:] == ["True True True 359"], done.err


def test_the_dataset_is_an_input_of_the_run_and_finds_it(undisturbed):
    store, run, _ = undisturbed
    (given,) = run.inputs.dataset_inputs
    profile = json.loads(given.dataset.profile)
    assert profile["train examples"] + profile["validation examples"] + profile["test examples"] == 1797
    assert profile["classes"] == 10
    assert sum(profile[f"examples of {digit}"] for digit in range(10)) == 1797
    schema = TensorDatasetSchema.from_dict(json.loads(given.dataset.schema))
    assert schema.features.inputs[0].shape == (-1, 8, 8, 1)
    assert "Alpaydin" in json.loads(given.dataset.source)["uri"]
    found = client(store).search_runs(
        [run.info.experiment_id], f"dataset.name = 'digits' AND dataset.digest = '{given.dataset.digest}'"
    )
    assert run.info.run_id in [one.info.run_id for one in found]


def test_the_printed_command_serves_the_model(undisturbed):
    """As a newcomer would do it, without the backends that take long to start."""
    store, run, done = undisturbed
    (command,) = [part for part in done.out.split("`") if part.startswith("python -m runner experiment=deployment")]
    words = [*command.split()[1:], "experiment.ways=[keras,litert_float32,onnx]", "experiment.seconds=0.1"]
    served = run_command(*words, "device=cpu", "tracking.dir=store", cwd=store.parent)
    assert served.status == 0, served.err
    (deployed,) = runs(store, "deployment")
    for way in ("litert_float32", "onnx"):
        assert deployed.data.metrics[f"test/accuracy/{way}"] == pytest.approx(run.data.metrics["test/accuracy"])
        assert deployed.data.metrics[f"difference/max/{way}"] < 1e-3


def test_after_a_kill_9_the_weights_are_those_of_an_undisturbed_run(undisturbed, tmp_path):
    store = tmp_path / "store"
    words = ["-m", "runner", "tracking.dir=store", *QUICK, "experiment.epochs=40", "experiment.registered_name=auto"]
    process = start_command(*words, cwd=tmp_path)
    wait_until(lambda: epochs(store) >= 5, "five epochs in the store", pause=0.02)
    family = family_of(process)
    process.kill()
    process.communicate()
    psutil.wait_procs(family, timeout=SOON)
    done = run_command(*words, "sweep.resume=true", cwd=tmp_path, fresh=True)
    assert done.status == 0, done.err
    resumed, killed = runs(store, "training")
    assert (resumed.info.status, killed.info.status) == ("FINISHED", "KILLED")
    assert "Went on after epoch" in resumed.data.tags["mlflow.note.content"]
    assert sorted(history(store, resumed, "train/loss")) == list(range(1, 41))
    ours, theirs = weights(store, resumed), weights(undisturbed[0], undisturbed[1])
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert len(client(store).search_model_versions("name = 'digits-mlp'")) == 1


def test_the_clock_chooses_a_loop_only_once(tmp_path):
    """Otherwise the same seed would give other bits whenever another loop happens to be faster."""
    for _ in range(2):
        done = train(tmp_path, "experiment.execution=auto", "experiment.epochs=3", "experiment.registered_name=null")
        assert done.status == 0, done.err
    second, first = runs(tmp_path / "store", "training")
    assert "auto tried: " in first.data.tags["mlflow.note.content"]
    assert "settled by an earlier run of this question" in second.data.tags["mlflow.note.content"]
    assert first.data.tags["settled.execution"] == second.data.tags["settled.execution"]
    pairs = zip(*(weights(tmp_path / "store", run) for run in (first, second)), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def epochs(store: Path) -> int:
    """Return how many epochs of the only run are in the store."""
    if not (store / "mlflow.db").exists():
        return 0
    return max((len(history(store, run, "val/loss")) for run in runs(store, "training")), default=0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model=mlpp"], "did you mean mlp"),
        (["dataset=digit"], "did you mean digits"),
        (["experiment.optimizer.learning_rate=0"], "learning_rate"),
        (["experiment.batch_size=0"], "batch_size"),
        (["experiment.execution=fast"], "execution"),
        (["experiment.registered_name=a/b"], "registered_name"),
        (["dataset=npz"], "dataset.path"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(tmp_path, words, says):
    done = call_main("tracking.dir=store", *QUICK, *words, cwd=tmp_path)
    assert done.status == 2
    (line,) = done.err.splitlines()
    assert says in line
    assert not (tmp_path / "store").exists() or not runs(tmp_path / "store", "training")


def test_data_that_are_wrong_are_refused_in_a_sentence(tmp_path):
    """Labels that do not match their examples: no run begins."""
    x = np.zeros((10, 4, 4), np.float32)
    np.savez(tmp_path / "bad.npz", x_train=x, y_train=np.arange(9) % 2, x_test=x, y_test=np.arange(10) % 2)
    done = train(tmp_path, "dataset=npz", "experiment.dataset.path=bad.npz", "experiment.registered_name=auto")
    assert done.status == 2
    assert done.err == "runner: experiment.dataset: bad.npz: x_train has 10 examples, but y_train has 9 labels\n"
    assert not (tmp_path / "store").exists()
