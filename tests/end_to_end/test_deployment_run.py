"""A model is served by the real command line: from a file, with a real server, and nothing of it stays."""

from __future__ import annotations

import csv
import signal
import socket
from pathlib import Path

import psutil
import pytest
from mlflow.entities import LoggedModelOutput

from runner.tracking.sources import SourceNotFound, find
from runner.tracking.store import LocalStore
from tests.conftest import Process, family_of, run_command, start_command
from tests.reading import artifacts, client, history, only_run, runs
from tests.waiting import PATIENCE, SOON, wait_until

MAKE_MODEL = """
import keras, numpy as np
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)])
model.save("model.keras")
inputs = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
labels = model.predict(inputs, verbose=0).argmax(axis=1)
np.savez("test_set.npz", x=inputs, y=labels, task=np.array("classification"))
"""

QUICK = ("experiment=deployment", "device=cpu", "experiment.seconds=0.05", "experiment.batch_sizes=[1,8]")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with the files that a training run leaves."""
    folder = tmp_path_factory.mktemp("trained")
    done = run_command("-c", MAKE_MODEL, cwd=folder)
    assert (folder / "test_set.npz").exists(), done.err
    return folder


@pytest.fixture(scope="module")
def finished(model, tmp_path_factory):
    """A run of two runtimes and a real server."""
    folder = tmp_path_factory.mktemp("elsewhere")
    ways = "experiment.ways=[saved_model,litert_float32,mlflow_serve]"
    done = run_command("-m", "runner", *QUICK, ways, f"experiment.source={model}", "tracking.dir=D", cwd=folder)
    return done, folder / "D"


def test_it_ends_well_and_quietly(finished):
    done, store = finished
    assert (done.status, done.err) == (0, "")
    assert only_run(store, "deployment").info.status == "FINISHED"
    assert sorted(path.name for path in store.parent.iterdir()) == ["D"]


def test_a_real_server_answers_as_the_original(finished):
    _, store = finished
    run = only_run(store, "deployment")
    assert history(store, run, "difference/max/mlflow_serve")[0] < 1e-5
    assert history(store, run, "test/accuracy/mlflow_serve")[0] == 1.0
    assert sorted(history(store, run, "throughput/examples_per_s_4_clients/mlflow_serve")) == [1, 8]
    with (artifacts(store, run) / "results.csv").open() as file:
        assert {row["way"]: row["status"] for row in csv.DictReader(file)} == dict.fromkeys(
            ("saved_model", "litert_float32", "mlflow_serve"), "measured"
        )


def test_artifacts_are_what_others_deploy(finished):
    _, store = finished
    folder = artifacts(store, only_run(store, "deployment"))
    assert (folder / "saved_model" / "1" / "saved_model.pb").exists()
    assert (folder / "model_float32.tflite").read_bytes()[4:8] == b"TFL3"
    assert (folder / "plots" / "latency.png").read_bytes().startswith(b"\x89PNG")


def test_the_note_and_tags_say_what_was_served(finished, model):
    _, store = finished
    tags = only_run(store, "deployment").data.tags
    assert tags["source.path"] == str(model)
    for words in (str(model), "SHA-256", "tensorflow/serving", "mlflow models serve"):
        assert words in tags["mlflow.note.content"]


def _server_port(family: list[psutil.Process]) -> int | None:
    """Return the port on which one of these processes listens."""
    for process in family:
        try:
            listening = [found for found in process.net_connections("tcp") if found.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
        if listening:
            return int(listening[0].laddr.port)
    return None


@pytest.fixture
def going(model, tmp_path):
    """Starts long runs in ``tmp_path``."""
    started = list[Process]()

    def start(ways: str, seconds: float) -> Process:
        long = (*QUICK, f"experiment.seconds={seconds}", "experiment.clients=[1]", f"experiment.ways={ways}")
        words = ("-m", "runner", *long, f"experiment.source={model}", "tracking.dir=store")
        started.append(start_command(*words, cwd=tmp_path))
        return started[-1]

    yield start
    for run in started:
        run.kill()
        run.communicate(timeout=PATIENCE)


def test_no_server_outlives_a_command_that_is_killed(going):
    run = going("[mlflow_serve]", seconds=20)
    family, port = list[psutil.Process](), None

    def serves() -> bool:
        nonlocal family, port
        assert run.poll() is None, run.communicate()
        family = family_of(run)
        port = _server_port(family)
        return port is not None

    wait_until(serves, "the server listens", pause=0.5)
    run.send_signal(signal.SIGKILL)
    try:
        wait_until(lambda: not any(map(_is_alive, family)), "all processes have ended", seconds=SOON)
    finally:
        for process in filter(_is_alive, family):
            process.kill()
    wait_until(lambda: _is_free(port), "the port is free", seconds=SOON)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that were closed do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_an_interrupt_keeps_what_was_measured(going, tmp_path):
    run = going("[litert_float32,onnx]", seconds=1.5)
    next(line for line in run.stdout if line.startswith("litert_float32: "))  # its last process; onnx has another one
    family = family_of(run)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=SOON)
    assert err.splitlines() == ["runner: interrupted by SIGINT; what was measured is kept"]
    wait_until(lambda: not any(map(_is_alive, family)), "all processes have ended", seconds=SOON)
    tracked = only_run(tmp_path / "store", "deployment")
    assert tracked.info.status == "KILLED"
    assert "LiteRT float32" in tracked.data.tags["mlflow.note.content"]
    assert (artifacts(tmp_path / "store", tracked) / "model_float32.tflite").exists()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_source_that_is_not_there_is_one_line_and_no_run(runner, store):
    done = runner("experiment=deployment", "device=cpu")
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("runner: experiment.source=latest: no run of experiment=training has left a model in this")
    assert runs(store, "deployment") == []


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("experiment.ways=[onxx]", "experiment.ways: 'onxx' is not one of"),
        ("experiment.batch_sizes=[0]", "experiment.batch_sizes: 0 is not a whole number from 1 to 65536"),
        ("experiment.source=''", "experiment.source: is empty"),
    ],
)
def test_wrong_config(main, store, override, problem):
    done = main("experiment=deployment", override)
    assert done.status == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"runner: {problem}")
    assert not store.exists()


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """A store with a training run that left a registered model and one that left nothing, and the ids of both."""
    store = LocalStore(tmp_path_factory.mktemp("store"))
    writer = store.open()
    experiment = writer.create_experiment("training", artifact_location=store.artifact_location("training"))
    run = writer.create_run(experiment, tags={"experiment": "training"}, run_name="mlp")
    for name in ("model.keras", "test_set.npz"):
        writer.log_artifact(run.info.run_id, model / name)
    logged = writer.create_logged_model(experiment, name="model", source_run_id=run.info.run_id)
    folder = tmp_path_factory.mktemp("logged")
    (folder / "data").mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "model.keras").write_bytes((model / "model.keras").read_bytes())
    writer.log_model_artifacts(logged.model_id, str(folder))
    writer.finalize_logged_model(logged.model_id, "READY")
    writer.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, 0)])
    writer.set_terminated(run.info.run_id)
    writer.create_registered_model("digits")
    location = writer.get_logged_model(logged.model_id).artifact_location
    writer.create_model_version("digits", location, run.info.run_id, model_id=logged.model_id)
    writer.set_registered_model_alias("digits", "champion", "1")
    empty = writer.create_run(experiment, tags={"experiment": "training"})
    writer.set_terminated(empty.info.run_id)
    return store, run.info.run_id, empty.info.run_id


@pytest.mark.parametrize(
    "wanted", ["latest", "digits", "digits/1", "digits@champion", "models:/digits/1", "models:/digits@champion", "RUN"]
)
def test_models_are_found_by_any_of_their_names(trained, model, tmp_path, wanted):
    store, run_id, _ = trained
    found = find(store.open(), wanted.replace("RUN", f"runs:/{run_id}"), tmp_path)
    assert found.model.read_bytes() == (model / "model.keras").read_bytes()
    assert found.test_set.read_bytes() == (model / "test_set.npz").read_bytes()
    assert Path(found.mlflow_model, "MLmodel").exists()
    assert found.facts["run_id"] == run_id


def test_a_file_s_neighbour_is_not_its_mlflow_model(model, tmp_path):
    """It may be any model, and an MLflow model may run any code."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "model.keras").write_bytes((model / "model.keras").read_bytes())
    assert find(LocalStore(tmp_path).open(), str(tmp_path / "model.keras"), tmp_path).mlflow_model is None


def test_a_model_that_was_changed_in_the_store_is_refused(trained, tmp_path):
    store, run_id, _ = trained
    writer = store.open()
    (logged,) = writer.search_logged_models(["1"], f"source_run_id = '{run_id}'")
    writer.set_logged_model_tags(logged.model_id, {"sha256": "0" * 64})
    try:
        with pytest.raises(SourceNotFound, match=r"model\.keras has changed since it was logged"):
            find(writer, run_id, tmp_path)
    finally:
        writer.delete_logged_model_tag(logged.model_id, "sha256")


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("digit", r"no model 'digit' is registered \(did you mean digits\?\); there are digits"),
        ("digits/7", "the model 'digits' has no version 7; it has 1"),
        ("digits@best", "the model 'digits' has no alias 'best'; there are champion"),
        ("0" * 32, "there is no run of this id in this store"),
        ("EMPTY", "this run has left no model; it has nothing"),
        ("a/b/c", "this is no model's name, no run's id, and no file"),
        ("./missing.keras", r"there is no .*missing\.keras"),
        ("FOLDER", r"the folder .* has no model\.keras"),
        ("FOLDER/model.h5", r"there is no .*model\.h5; in its folder there are other\.keras"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(trained, tmp_path, wanted, problem):
    store, _, empty_run_id = trained
    (tmp_path / "other.keras").touch()
    with pytest.raises(SourceNotFound, match=f"^{problem}[^\n]*$"):
        find(store.open(), wanted.replace("EMPTY", empty_run_id).replace("FOLDER", str(tmp_path)), Path(tmp_path))


def test_a_store_without_the_model_says_so(tmp_path):
    with pytest.raises(SourceNotFound, match="no model 'digits' is registered; there is none"):
        find(LocalStore(tmp_path).open(), "digits", tmp_path)
    assert client(tmp_path).search_registered_models() == []
