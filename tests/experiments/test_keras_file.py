"""A model of the user's own is the start of a training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.networks.data import Data, Split
from experiments.networks.models import KerasFile, Mlp
from experiments.networks.models.ends import without_unit
from experiments.networks.served import served


def _data(classes: int, task: str = "classification") -> Data:
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    y = np.arange(12) % classes if task == "classification" else np.arange(12.0)
    part = Split(x, y)
    names = tuple(map(str, range(classes))) if task == "classification" else ()
    return Data("mine", task, part, part, part, names, is_image=False, source="")


@pytest.fixture(
    params=["activation", "layer", "function", "model", "logits", "named", "named activation", "named within"]
)
def file(request, tmp_path, on_device):
    """A model of three classes that ends with a softmax, wherever it stands, or with logits.

    A layer may also have the name that our own last one has.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    ends = {
        "activation": [layers.Dense(3, "softmax")],
        "layer": [layers.Dense(3), layers.Softmax()],
        "function": [layers.Dense(3)],
        "model": [keras.Sequential([layers.Dense(4), layers.Dense(3, "softmax")])],
        "logits": [layers.Dense(3)],
        "named": [layers.Dense(3, name="logits"), layers.Softmax()],
        "named activation": [layers.Dense(3, "softmax", name="logits")],
        "named within": [layers.Dense(7, name="logits"), layers.Dense(3, "softmax")],
    }[request.param]
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), *ends])
    if request.param == "function":
        model = keras.Model(model.inputs[0], keras.ops.softmax(model.outputs[0]))
    model.save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras", model, request.param == "logits"


def test_it_is_trained_further_on_logits(file):
    path, original, gives_logits = file
    data = _data(3)
    model = KerasFile(path=str(path)).build(data, seed=0)
    assert without_unit(model) is model
    said, expected = np.asarray(model(data.train.x)), np.asarray(original(data.train.x))
    if gives_logits:
        np.testing.assert_allclose(said, expected, rtol=1e-5, atol=1e-6)
    else:
        shares = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, expected, rtol=1e-4, atol=1e-6)
        assert (said < 0).any()


@pytest.mark.parametrize(("classes", "task"), [(2, "classification"), (1, "regression")])
def test_its_head_is_replaced_and_the_rest_stays(file, classes, task):
    path, original, _ = file
    data = _data(classes, task)
    model = KerasFile(path=str(path), classes=classes).build(data, seed=0)
    assert model.output.shape == (None, classes)
    np.testing.assert_array_equal(model.weights[0], original.weights[0])
    assert without_unit(model).output.shape == (None, classes)


def _extractor() -> Any:
    """What gives a vector for an example [4], with no layer of weights behind the vector."""
    import keras
    from keras import layers

    within = keras.Sequential([keras.Input((4, 1)), layers.Conv1D(6, 2), layers.BatchNormalization()], name="body")
    return keras.Sequential([keras.Input((4,)), layers.Reshape((4, 1)), within, layers.GlobalAveragePooling1D()])


def test_a_new_last_layer_stands_behind_what_pools(tmp_path, on_device):
    original, data = _extractor(), _data(3)
    original.save(tmp_path / "mine.keras")
    model = KerasFile(path=str(tmp_path / "mine.keras"), classes=3).build(data, seed=0)
    logits = model.layers[-1]
    np.testing.assert_allclose(model(data.train.x), logits(original(data.train.x)), rtol=1e-5)
    assert logits.kernel.shape == (6, 3)


def _two_heads() -> Any:
    import keras
    from keras import layers

    raw = keras.Input((4,))
    return keras.Model(raw, layers.Average()([layers.Dense(3)(raw), layers.Dense(3)(layers.Dense(2)(raw))]))


def _shared() -> Any:
    import keras
    from keras import layers

    raw, shared = keras.Input((4,)), keras.Sequential([keras.Input((2,)), layers.Dense(3), layers.Dense(3)])
    first, second = keras.ops.split(raw, 2, axis=1)
    return keras.Model(raw, keras.ops.abs(shared(first) - shared(second)))


def _pictures() -> Any:
    import keras
    from keras import layers

    return keras.Sequential([keras.Input((4,)), layers.Reshape((4, 1)), layers.Conv1D(6, 2)])


@pytest.mark.parametrize("make", [_two_heads, _shared, _pictures])
def test_no_place_for_a_new_last_layer(tmp_path, on_device, make):
    make().save(tmp_path / "mine.keras")
    with pytest.raises(Refused, match="a new last layer cannot be put in the place of its own"):
        KerasFile(path=str(tmp_path / "mine.keras"), classes=2).build(_data(2), seed=0)


def test_a_model_of_ours_is_taken_without_what_stands_around_its_network(tmp_path, on_device):
    data = _data(3)
    network = Mlp(units=[5]).build(data, seed=0)
    served(network, data).save(tmp_path / "model.keras")
    again = KerasFile(path=str(tmp_path / "model.keras")).build(data, seed=0)
    np.testing.assert_array_equal(again(data.train.x), network(data.train.x))


@pytest.mark.parametrize("unit", [1.0, 1e12])
def test_a_regression_of_ours_goes_on_in_the_unit_of_other_targets(tmp_path, on_device, unit):
    """It begins with what it knows, and learns the new targets in their own deviations."""
    old, new = _data(1, "regression"), _data(1, "regression")
    new = replace(new, train=Split(new.train.x, unit * (200 + 50 * new.train.y)))
    network = Mlp(units=[5]).build(old, seed=0)
    served(network, old).save(tmp_path / "model.keras")
    again = KerasFile(path=str(tmp_path / "model.keras")).build(new, seed=0)
    said = np.asarray(network(old.train.x), np.float64)
    known, learnt = new.target_moments, np.asarray(without_unit(again)(old.train.x))
    np.testing.assert_allclose(learnt, known.standardised(said), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(again(old.train.x), said, rtol=1e-4, atol=float(1e-5 * known.unit[0]))


def test_a_regression_from_elsewhere_has_no_known_unit(tmp_path, on_device):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="logits")]).save(tmp_path / "mine.keras")
    with pytest.raises(Refused, match=r"the unit of its output is not known; experiment.model.classes=1 puts"):
        KerasFile(path=str(tmp_path / "mine.keras")).build(_data(1, "regression"), seed=0)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("end", ["activation", "layer", "function"])
def test_a_probability_of_its_own_for_each_class(tmp_path, on_device, end, within):
    """Sigmoids are neither logits nor probabilities of one class among several."""
    import keras
    from keras import layers

    last = layers.Dense(3, "sigmoid" if end == "activation" else None)
    model = keras.Sequential([keras.Input((4,)), last, *([layers.Activation("sigmoid")] if end == "layer" else [])])
    if end == "function":
        model = keras.Model(model.inputs[0], keras.ops.sigmoid(model.outputs[0]))
    if within:
        model = keras.Sequential([keras.Input((4,)), layers.Dense(4), model])
    model.save(tmp_path / "mine.keras")
    with pytest.raises(Refused, match=r"ends with a sigmoid.*; experiment\.model\.classes=3 puts a new last layer"):
        KerasFile(path=str(tmp_path / "mine.keras")).build(_data(3), seed=0)
    assert KerasFile(path=str(tmp_path / "mine.keras"), classes=3).build(_data(3), seed=0).output.shape == (None, 3)


@pytest.mark.parametrize(
    ("fields", "data", "says"),
    [
        ({}, _data(2), r"gives \[3\] an example, but mine has 2 classes; experiment.model.classes=2 puts a new last"),
        ({"classes": 4}, _data(2), "experiment.model.classes=4, but mine has 2 of them"),
        ({}, _data(1, "regression"), r"gives \[3\] an example"),
    ],
)
def test_what_does_not_fit(file, fields, data, says):
    with pytest.raises(Refused, match=says):
        KerasFile(path=str(file[0]), **fields).build(data, seed=0)


def test_a_file_is_looked_at_before_anything_starts(tmp_path):
    with pytest.raises(Refused, match=r"no\.keras is not there"):
        KerasFile(path=str(tmp_path / "no.keras")).check()
    (tmp_path / "text.keras").write_text("{}")
    with pytest.raises(Refused, match=r"text\.keras is not a \.keras file: it is a JSON text"):
        KerasFile(path=str(tmp_path / "text.keras")).check()
