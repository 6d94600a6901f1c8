"""Saved models: the same bits in a fresh process, and one clear line for what is not such a model."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.networks import saving
from experiments.networks.saving import checksums, foreign, outputs
from experiments.networks.saving.reload import START
from experiments.runtime import subprocesses
from tests.waiting import PATIENCE, SOON, wait_until

pytestmark = pytest.mark.usefixtures("on_device")

INPUTS = np.random.default_rng(0).normal(size=(70, 6, 6, 1)).astype(np.float32)


def _network() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(32, activation="gelu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def network(_tensorflow):
    """A network that has been trained for a step, so that its optimizer has something to save, too."""
    network = _network()
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(INPUTS, np.arange(70) % 3, verbose=0)
    return network


@pytest.fixture(scope="module")
def written(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network") / "saved"
    return folder, saving.save(network, folder)


@pytest.fixture
def saved(written, tmp_path):
    """A copy, to be spoiled."""
    return Path(shutil.copytree(written[0], tmp_path / "saved"))


def _refusal(path: Path, **choices: Any) -> str:
    """Why ``path`` is not loaded; in one line that names it."""
    with pytest.raises(saving.NotLoadable) as caught:
        saving.load(path, **choices)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_every_format_is_written_with_its_hash(written):
    folder, files = written
    assert [file.format for file in files] == ["keras", "saved_model", "weights"]
    assert all(file.bytes > 1000 and file.seconds > 0 for file in files)
    recorded = json.loads((folder / "checksums.json").read_text())
    assert recorded["model.keras"] == files[0].sha256
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert recorded.keys() == found - {"checksums.json"}
    assert "saved_model/1/saved_model.pb" in recorded


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits_from_every_format(network, written):
    rows = [reloaded.row for reloaded in saving.reload(network, written[1], INPUTS)]
    assert [row["format"] for row in rows] == ["keras", "saved_model", "weights"]
    assert [(row["problem"], row["identical"], row["largest_difference"]) for row in rows] == [("", 1, 0.0)] * 3
    assert all(float(row["load_seconds"]) > 0 for row in rows)


@pytest.mark.slow
def test_several_inputs_and_outputs_and_a_spoiled_format(tmp_path):
    from keras import Input, Model, layers

    left, right = Input((4,), name="left"), Input((2,), name="right")
    joined = layers.Concatenate()([left, right])
    model = Model({"left": left, "right": right}, [layers.Dense(2)(joined), layers.Dense(1)(joined)])
    files = saving.save(model, tmp_path / "saved")
    _cut(tmp_path / "saved" / "model.weights.h5")
    inputs = {"left": np.ones((3, 4), np.float32), "right": np.ones((3, 2), np.float32)}
    keras_file, saved_model, weights = saving.reload(model, files, inputs)
    assert keras_file.identical
    assert saved_model.identical
    assert not weights.identical
    assert "cut off" in weights.problem


@pytest.mark.slow
def test_the_fresh_process_has_a_time_limit_and_says_why_it_failed(network, written):
    with pytest.raises(Refused, match=r"took longer than 0\.1 seconds"):
        saving.reload(network, written[1], INPUTS, seconds=0.1)
    with pytest.raises(Refused, match=r"status 1: ModuleNotFoundError: No module named 'not_there'"):
        saving.reload(network, written[1], INPUTS, modules=["not_there"])


@pytest.mark.slow
def test_the_fresh_process_ends_with_its_parent(tmp_path):
    (tmp_path / "task.json").write_text(json.dumps({"device": {"kind": "cpu"}, "modules": ["time"]}))
    process = subprocesses.start(START, str(tmp_path))
    process.stdin.close()
    wait_until(lambda: process.poll() is not None, "the end of the fresh process", seconds=SOON)
    assert process.returncode == -signal.SIGKILL


def test_differences_are_found():
    one = [np.array([1.0, np.nan], np.float32)]
    assert outputs.identical(one, [one[0].copy()])
    assert outputs.largest_difference(one, [one[0].copy()]) == 0
    assert not outputs.identical([np.array([0.0])], [np.array([-0.0])])
    assert outputs.largest_difference([np.array([1, 2], np.float32)], [np.array([1, 2.5], np.float32)]) == 0.5
    assert np.isnan(outputs.largest_difference([np.zeros(2)], [np.zeros(3)]))


def test_a_saved_model_knows_no_device_and_takes_any_batch(saved):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved / "saved_model" / "1"))
    signature = loaded.signatures["serving_default"]
    ((_, given),) = signature.structured_input_signature[1].items()
    assert (given.shape.as_list(), given.dtype) == ([None, 6, 6, 1], tf.float32)
    assert b"device:CPU:1" not in (saved / "saved_model" / "1" / "saved_model.pb").read_bytes()


def test_what_is_loaded_answers(network, saved):
    original = outputs.outputs(network, INPUTS)
    for path, choices in {"model.keras": {}, "saved_model": {}, "model.weights.h5": {"into": _network()}}.items():
        assert outputs.identical(original, outputs.outputs(saving.load(saved / path, **choices), INPUTS)), path
    assert getattr(saving.load(saved / "model.keras", compiled=True), "optimizer", None) is not None


def test_a_folder_with_something_in_it_is_not_written_to(network, saved):
    with pytest.raises(FileExistsError, match="a folder of its own"):
        saving.save(network, saved)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_file_that_is_cut_off(saved, name):
    _cut(saved / name)
    assert "is cut off or damaged" in _refusal(saved / name, into=_network())


def test_a_saved_model_that_is_cut_off(saved, tmp_path):
    version = saved / "saved_model" / "1"
    _cut(version / "saved_model.pb")
    assert "saved_model.pb has changed" in _refusal(version)
    elsewhere = Path(shutil.copytree(version, tmp_path / "elsewhere"))  # without checksums
    assert "cannot be loaded" in _refusal(elsewhere)
    (elsewhere / "variables" / "variables.index").unlink()
    assert "no variables/variables.index in it" in _refusal(elsewhere)


def test_a_file_that_has_changed(network, saved):
    import keras

    other = keras.models.clone_model(network)
    other.set_weights([weights + 1 for weights in network.get_weights()])
    other.save(saved / "model.keras")  # whole, but not what was saved
    assert "has changed since it was saved" in _refusal(saved / "model.keras")


def test_a_damaged_byte(saved):
    content = bytearray((saved / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (saved / "model.keras").write_bytes(content)
    assert "damaged" in _refusal(saved / "model.keras")


def test_a_file_with_another_hash_than_asked_for(saved):
    path = saved / "model.keras"
    assert saving.load(path, sha256=checksums.sha256(path)) is not None
    assert "is not the file that was asked for" in _refusal(path, sha256="0" * 64)


def test_a_file_smuggled_into_a_saved_model(saved):
    (saved / "saved_model" / "1" / "assets" / "more.txt").parent.mkdir(exist_ok=True)
    (saved / "saved_model" / "1" / "assets" / "more.txt").write_text("")
    assert "not saved with it: saved_model/1/assets/more.txt" in _refusal(saved / "saved_model" / "1")


FOREIGN = {
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "a Python pickle": pickle.dumps({"a": 1}),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "a JSON text": b'{"class_name": "Sequential"}',
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file(tmp_path, kind):
    (tmp_path / "model.keras").write_bytes(FOREIGN[kind])
    assert _refusal(tmp_path / "model.keras").endswith(f"is not a .keras file: it is {kind}")


def test_foreign_weights_archives_and_names(tmp_path):
    (tmp_path / "model.weights.h5").write_bytes(FOREIGN["a PNG picture"])
    assert "is not a weights file: it is a PNG picture" in _refusal(tmp_path / "model.weights.h5", into=object())
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    assert "a zip archive, but not one of Keras" in _refusal(tmp_path / "model.keras")
    (tmp_path / "model.pkl").write_bytes(FOREIGN["a Python pickle"])
    assert "is not named like a model" in _refusal(tmp_path / "model.pkl")


def test_what_is_not_there_or_empty(tmp_path):
    assert "is not there" in _refusal(tmp_path / "model.keras")
    assert "is not there" in _refusal(tmp_path / "saved_model")
    (tmp_path / "model.keras").touch()
    assert "is empty" in _refusal(tmp_path / "model.keras")
    (tmp_path / "saved_model").mkdir()
    assert "no numbered version" in _refusal(tmp_path / "saved_model")
    assert "need the model that they belong to" in _refusal(tmp_path / "model.weights.h5")


def test_a_lambda_layer_is_not_run(tmp_path):
    from keras import Input, Sequential, layers

    Sequential([Input((2,)), layers.Lambda(lambda x: x * 2)]).save(tmp_path / "model.keras")
    assert "has Python code in it (a Lambda layer)" in _refusal(tmp_path / "model.keras")


def test_a_layer_of_somebody_s_own(tmp_path):
    import keras

    twice = type("Twice", (keras.layers.Layer,), {"call": lambda self, x: 2 * x})
    keras.Sequential([keras.Input((2,)), twice()]).save(tmp_path / "model.keras")
    message = _refusal(tmp_path / "model.keras")
    assert "its class 'Twice' is none of Keras' own" in message
    assert "build the model of Keras' own layers and functions" in message


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "2.15.0",
            r"model\.keras is of Keras 2\.15\.0, which Keras [\d.]+ cannot load; save it as model\.h5",
        ),
        ("99.1.0", r"Could not deserialize 'keras\.Functional2' .*; it is of Keras 99\.1\.0, newer than this [\d.]+$"),
    ],
)
def test_a_file_of_another_keras_names_its_version(saved, tmp_path, version, expected):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved / "model.keras") as given, zipfile.ZipFile(path, "w") as made:
        config = json.loads(given.read("config.json"))
        changed = config | {"class_name": "Functional2", "registered_name": "Functional2"}
        made.writestr("metadata.json", json.dumps({"keras_version": version}))
        made.writestr("config.json", json.dumps(changed))
        made.writestr("model.weights.h5", given.read("model.weights.h5"))
    assert re.search(expected, _refusal(path))


def test_an_old_hdf5_file_becomes_a_keras_file_by_the_command_that_is_told(network, tmp_path):
    network.save(tmp_path / "it's old.h5")
    said = foreign.described(tmp_path / "it's old.h5")
    assert " is an HDF5 file of Keras 3." in said
    command = shlex.split(said.partition("make a .keras file of it: ")[2])
    subprocess.run([sys.executable, *command[1:]], check=True, capture_output=True, timeout=PATIENCE)
    assert saving.load(tmp_path / "it's old.keras")(INPUTS).shape == network(INPUTS).shape
    (tmp_path / "it's old.h5").rename(tmp_path / "model.keras")
    assert "model.keras is not a .keras file: it is an HDF5 file of Keras 3." in _refusal(tmp_path / "model.keras")


def test_what_is_no_keras_file_says_what_it_is(network, saved, tmp_path):
    assert " is an HDF5 file without a model's layers" in foreign.described(saved / "model.weights.h5")
    said = foreign.described(saved / "saved_model")
    assert re.search(
        r"saved_model is a SavedModel of TensorFlow 2\.\d+\.\d+, .*; where it was made, save it with", said
    )
    (saved / "saved_model" / "1" / "keras_metadata.pb").write_bytes(b'..{"keras_version": "2.15.0", "backend": ..')
    assert re.search(
        r"of Keras 2\.15\.0 and TensorFlow .*; save it as model\.h5 with", foreign.described(saved / "saved_model")
    )
    assert foreign.described(tmp_path).endswith("has no model.keras; save it with model.save('model.keras')")


def test_weights_of_another_network(saved):
    from keras import Input, Sequential, layers

    other = Sequential([Input((6,)), layers.Dense(3)])
    assert "cannot be loaded: ValueError" in _refusal(saved / "model.weights.h5", into=other)
