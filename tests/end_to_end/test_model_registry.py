"""A model on its way from a worker to the registry, and back in a process of its own."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from runner.errors import StoreError
from runner.execution.recording import RecordBuffer
from runner.messages import Metric, ModelRecord
from runner.tracking import tags
from runner.tracking.orphans import end_orphans
from runner.tracking.run import TrackedRun, experiment_id
from runner.tracking.store import LocalStore
from tests.conftest import Finished, run_command
from tests.end_to_end.sweeping import TRIAL, trial_environment
from tests.end_to_end.tracking_server import TrackingServer
from tests.reading import client, only_run

INPUTS = np.arange(6, dtype=np.float32).reshape(3, 2)
"""The inputs that the experiment ``trial`` gives its model, which doubles them."""

LOAD = """
import json, sys
import mlflow, numpy as np
mlflow.set_tracking_uri(sys.argv[1])
inputs = np.array(json.loads(sys.argv[3]), np.float32)
model = mlflow.pyfunc.load_model(sys.argv[2])
network = mlflow.tensorflow.load_model(sys.argv[2])
print(json.dumps({
    "outputs": model.predict(inputs).tolist(),
    "example": model.input_example.tolist(),
    "inputs": model.metadata.signature.inputs.to_dict(),
    "same": bool((network.predict(inputs, verbose=0) == model.predict(inputs)).all()),
    "of_run": model.metadata.run_id,
}))
"""


def _trial(folder: Path, ends: str, *choices: str) -> Finished:
    """Run ``trial`` with the real command line."""
    words = ["--config-dir", str(TRIAL / "choices"), "experiment=trial", "device=cpu", f"experiment.ends={ends}"]
    return run_command(
        "-m", "runner", *words, *(choices or ["tracking.dir=store"]), cwd=folder, env=trial_environment()
    )


def _load(store: str, model: str, folder: Path) -> dict[str, Any]:
    """Return what a fresh process finds in a model."""
    done = run_command("-c", LOAD, store, model, json.dumps(INPUTS.tolist()), cwd=folder)
    assert done.status == 0, done.err
    loaded: dict[str, Any] = json.loads(done.out.splitlines()[-1])
    return loaded


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    done = _trial(folder, "modelling")
    assert (done.status, done.err) == (0, "")
    return folder / "store"


def test_the_version_says_where_it_comes_from(finished):
    run, reader = only_run(finished, "trial"), client(finished)
    (found,) = reader.search_model_versions("name = 'doubling'")
    assert (found.version, found.run_id, found.status) == (1, run.info.run_id, "READY")
    assert found.tags["run_id"] == run.info.run_id
    assert found.tags["fingerprint"] == run.data.tags["fingerprint"]
    content = next(finished.rglob("model.keras")).read_bytes()
    assert found.tags["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_run_shows_its_model(finished):
    run, reader = only_run(finished, "trial"), client(finished)
    (output,) = run.outputs.model_outputs
    logged = reader.get_logged_model(output.model_id)
    assert (logged.name, logged.status, logged.source_run_id) == ("network", "READY", run.info.run_id)
    assert logged.params == {"x": "1.0"}
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "doubling", "version": 1}]
    assert Path(logged.artifact_location.removeprefix("file://")).is_relative_to(finished)


def test_a_fresh_process_loads_the_version_and_gives_the_same_bits(finished, tmp_path):
    loaded = _load(f"sqlite:///{finished}/mlflow.db", "models:/doubling/latest", tmp_path)
    assert loaded["outputs"] == (2 * INPUTS).tolist()
    assert loaded["example"] == INPUTS.tolist()
    assert loaded["same"]
    assert loaded["of_run"] == only_run(finished, "trial").info.run_id
    (given,) = loaded["inputs"]
    assert given["tensor-spec"] == {"dtype": "float32", "shape": [-1, 2]}


def test_the_requirements_are_those_installed_here(finished):
    folder = next(finished.rglob("MLmodel")).parent
    requirements = (folder / "requirements.txt").read_text().split()
    assert requirements == [f"{name}=={version(name)}" for name in ("mlflow", "tensorflow", "keras", "numpy")]
    assert not list(folder.rglob("*pickle*"))


WRITE_BOTH = """
import json
import sys
from pathlib import Path

import keras
import mlflow
import numpy as np
from mlflow.models import infer_signature

from runner.messages import ModelRecord
from runner.tracking import mlflow_model

left, right = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((3, 1), np.float32)
named = {name: keras.Input((width,), name=name) for name, width in (("left", 2), ("right", 1))}
joined = keras.layers.Dense(1)(keras.layers.Concatenate()(list(named.values())))
models = {
    "single": (keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), left),
    "named": (keras.Model(named, joined), {"left": left, "right": right}),
}
predictions = {}
for kind, (model, inputs) in models.items():
    folder = Path(kind)
    folder.mkdir()
    model.save(folder / "model.keras")
    outputs = model.predict(inputs, verbose=0)
    record = ModelRecord("network", (folder / "model.keras").read_bytes(), inputs, outputs, None, {"epochs": 3}, 0)
    mlflow_model.write(folder / "ours", record, None)
    mlflow.tensorflow.save_model(
        model,
        folder / "theirs",
        signature=infer_signature(inputs, outputs),
        input_example=inputs,
        metadata={"epochs": 3, "sha256": mlflow_model.sha256(record)},
        pip_requirements=(folder / "ours" / "requirements.txt").read_text().split(),
    )
    for writer in ("ours", "theirs"):
        loaded = mlflow.pyfunc.load_model(str(folder / writer))
        predictions[f"{kind} {writer}"] = loaded.predict(inputs).tolist()
        predictions[f"{kind} {writer}, its example"] = loaded.predict(loaded.input_example).tolist()
    predictions[kind] = outputs.tolist()
Path("predictions.json").write_text(json.dumps(predictions))
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same models, written by us and by MLflow itself; what each of them predicts."""
    folder = tmp_path_factory.mktemp("both")
    done = run_command("-c", WRITE_BOTH, cwd=folder)
    assert done.status == 0, done.err
    return folder, json.loads((folder / "predictions.json").read_text())


OF_THE_WRITING = {"model_uuid", "utc_time_created", "model_size_bytes"}
"""Entries of MLmodel that differ between any two models."""


@pytest.mark.parametrize("kind", ["single", "named"])
def test_we_write_the_files_that_mlflow_writes(both, kind):
    ours, theirs = both[0] / kind / "ours", both[0] / kind / "theirs"
    assert _files(ours) == sorted([*_files(theirs), "code/lab_bench_model.py"])
    for name in ("data/keras_module.txt", "data/save_format.txt", "requirements.txt"):
        assert (ours / name).read_text() == (theirs / name).read_text(), name
    for name in ("MLmodel", "input_example.json", "serving_input_example.json"):
        written, expected = (yaml.safe_load((folder / name).read_text()) for folder in (ours, theirs))
        if name == "MLmodel":
            assert written.keys() == expected.keys()
            loading = written["flavors"]["python_function"]
            assert (loading.pop("loader_module"), loading.pop("code")) == ("lab_bench_model", "code")  # ours takes text
            assert expected["flavors"]["python_function"].pop("loader_module") == "mlflow.tensorflow"
            expected["flavors"]["python_function"].pop("code", None)
            assert (written.pop("is_signature_from_type_hint"), expected.pop("is_signature_from_type_hint")) == (
                True,
                False,
            )
            written, expected = (
                {key: value for key, value in found.items() if key not in OF_THE_WRITING}
                for found in (written, expected)
            )
        assert written == expected, name


@pytest.mark.parametrize("kind", ["single", "named"])
def test_the_environments_have_the_entries_that_mlflow_writes(both, kind):
    """MLflow pins the versions of pip and setuptools in it as well; nothing of a model depends on them."""
    for name in ("conda.yaml", "python_env.yaml"):
        ours, theirs = (yaml.safe_load((both[0] / kind / writer / name).read_text()) for writer in ("ours", "theirs"))
        assert ours.keys() == theirs.keys()
        requirements = [entry for entry in ours["dependencies"] if isinstance(entry, dict)]
        assert requirements == [entry for entry in theirs["dependencies"] if isinstance(entry, dict)]


@pytest.mark.parametrize("kind", ["single", "named"])
def test_what_we_write_predicts_like_what_mlflow_writes(both, kind):
    _, predictions = both
    for writer in ("ours", "theirs"):
        assert predictions[f"{kind} {writer}"] == predictions[kind]
        assert predictions[f"{kind} {writer}, its example"] == predictions[kind]


def _files(folder: Path) -> list[str]:
    """Return the names of all files; loading a model that brings code may compile it beside itself."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def test_a_job_that_fails_keeps_its_model_and_registers_nothing(tmp_path):
    done = _trial(tmp_path, "modelling_badly")
    assert done.status == 1
    run, reader = only_run(tmp_path / "store", "trial"), client(tmp_path / "store")
    assert run.info.status == "FAILED"
    assert len(run.outputs.model_outputs) == 1
    assert list(reader.search_registered_models()) == []


def test_a_server_gets_the_model_too(tmp_path):
    server = TrackingServer(tmp_path)
    try:
        done = _trial(tmp_path, "modelling", "tracking=server", f"tracking.uri={server.address}")
        assert (done.status, done.err) == (0, "")
        (found,) = MlflowClient(server.address).search_model_versions("name = 'doubling'")
        assert found.status == "READY"
        where = MlflowClient(server.address).get_model_version_download_uri("doubling", "1")
        folder = mlflow.artifacts.download_artifacts(where, dst_path=str(tmp_path), tracking_uri=server.address)
        content = Path(folder, "data", "model.keras").read_bytes()
        assert hashlib.sha256(content).hexdigest() == found.tags["sha256"]
    finally:
        server.stop()


class _Failing:
    """A client of a store that fails at every call of one method."""

    def __init__(self, inner: MlflowClient, call: str) -> None:
        self._inner, self._call = inner, call

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._call else getattr(self._inner, name)

    def _fail(self, *arguments: Any, **named: Any) -> None:
        raise MlflowException("the disk is full")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A store, made once for all tests: making its database takes seconds."""
    store = LocalStore(tmp_path_factory.mktemp("failing") / "store")
    store.check()
    return store, store.open()


class _Context:
    """The runs and registered models of one test."""

    def __init__(self, store: LocalStore, working: MlflowClient, name: str) -> None:
        self.client, self._store = working, store
        self.experiment_id = experiment_id(store, working, name)
        self.artifacts = store.folder / "artifacts" / name
        self.model = ModelRecord("network", b"a .keras file", INPUTS, 2 * INPUTS, name, {}, 0)

    def begin(self, failing: str = "") -> TrackedRun:
        """Begin a run in a store that fails at one call."""
        client: Any = _Failing(self.client, failing)
        return TrackedRun.create(self._store, client, self.experiment_id, "a run", {"fingerprint": "f"})

    def versions(self) -> list[Any]:
        return list(self.client.search_model_versions(f"name = '{self.model.registered_name}'"))

    def is_registered(self) -> bool:
        return any(found.name == self.model.registered_name for found in self.client.search_registered_models())

    def logged(self) -> list[Any]:
        return list(self.client.search_logged_models([self.experiment_id]))


@pytest.fixture
def context(opened, request):
    store, working = opened
    return _Context(store, working, re.sub(r"\W", "-", request.node.name))


@pytest.mark.parametrize("call", ["log_model_artifacts", "finalize_logged_model", "log_outputs"])
def test_a_store_that_fails_while_the_model_is_written_keeps_no_part_of_it(context, call):
    run = context.begin(call)
    with pytest.raises(StoreError, match="the disk is full"):
        run.record([Metric("loss", 1.0, 0, 0), context.model])
    assert context.logged() == []
    assert list(context.artifacts.rglob("model.keras")) == []
    run.end_if_possible("FAILED")
    assert not context.is_registered()
    rescued = run.rescue() / "models" / "network"
    assert (rescued / "data" / "model.keras").read_bytes() == context.model.keras_file
    assert (rescued / "MLmodel").is_file()


def test_what_a_killed_process_was_writing_is_taken_back(context):
    gone = {tags.HOST: socket.gethostname(), tags.PROCESS: "1 0"}  # process 1 has not started in 1970
    run_id = context.client.create_run(context.experiment_id, tags=gone).info.run_id
    whole, _ = (
        context.client.create_logged_model(context.experiment_id, name=name, source_run_id=run_id)
        for name in ("whole", "half")
    )
    context.client.finalize_logged_model(whole.model_id, "READY")
    for name in ("made-by-it", "made-before", "empty"):
        made_by_it = {} if name == "made-before" else {tags.RUN_ID: run_id}
        context.client.create_registered_model(name, tags=made_by_it)
        if name != "empty":
            context.client.create_model_version(name, whole.artifact_location, run_id, model_id=whole.model_id)
    assert end_orphans(context.client) == 1
    assert context.client.get_run(run_id).info.status == "KILLED"
    assert [logged.model_id for logged in context.logged()] == [whole.model_id]
    assert context.client.search_model_versions(f"run_id = '{run_id}'") == []
    left = {model.name for model in context.client.search_registered_models()}
    assert left & {"made-by-it", "made-before", "empty"} == {"made-before"}


@pytest.mark.parametrize("call", ["create_model_version", "set_logged_model_tags", "set_terminated"])
def test_a_store_that_fails_while_the_model_is_registered_has_no_version(context, call):
    run = context.begin(call)
    run.record([context.model])
    with pytest.raises(StoreError):
        run.end("FINISHED")
    assert context.versions() == []
    assert not context.is_registered()
    (logged,) = context.logged()
    assert (logged.status, "mlflow.modelVersions" in logged.tags) == ("READY", False)


def test_a_failure_takes_nothing_from_a_registered_model_that_was_there_before(context):
    first, second = context.begin(), context.begin("set_terminated")
    for run in (first, second):
        run.record([context.model])
    first.end("FINISHED")
    with pytest.raises(StoreError):
        second.end("FINISHED")
    (found,) = context.versions()
    assert found.run_id == first.id


def test_the_last_model_of_a_name_is_registered(context):
    run = context.begin()
    run.record([context.model])
    run.record([replace(context.model, keras_file=b"a later one", step=5)])
    run.end("FINISHED")
    (found,) = context.versions()
    assert found.tags["sha256"] == hashlib.sha256(b"a later one").hexdigest()
    outputs = context.client.get_run(run.id).outputs.model_outputs
    assert sorted(output.step for output in outputs) == [0, 5]


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"name": "a/b"}, "name of a model"),
        ({"registered_name": "a/b"}, "registered model's name"),
        ({"keras_file": "text"}, "bytes of a .keras file"),
        ({"inputs": [1, 2]}, "not list"),
        ({"outputs": {}}, "no array"),
    ],
)
def test_what_mlflow_would_not_take_is_refused_when_it_is_recorded(choices, problem):
    given = {"name": "m", "keras_file": b"", "inputs": INPUTS, "outputs": INPUTS} | choices
    with pytest.raises((ValueError, TypeError), match=problem):
        RecordBuffer().model(**given)
