"""The saved model takes what its user has and gives what its user wants; the network within stays what it was."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.networks.data import Data, Split
from experiments.networks.models import Mlp
from experiments.networks.preprocessing import Columns, Resized, named_columns
from experiments.networks.saving import load, save
from experiments.networks.saving.outputs import as_arrays
from experiments.networks.served import network_of, scores_of, served

ROWS = np.array(
    [(1.5, "Köln", 3.0), (np.nan, "", 4.0), (2.5, "Bern", np.nan)],
    dtype=[("class", "f8"), ("home town", "U10"), ("Class", "f8")],
)
"""A row's names: a word of Python's, one with a blank, and one that differs by its case alone."""


def _table(task: str = "classification") -> Data:
    preprocessing = Columns.of([ROWS])
    x = preprocessing.encoded(ROWS).astype(np.float32)
    y = np.arange(3) if task == "classification" else np.arange(3.0)
    names = ("[UNK]", "größer", "c") if task == "classification" else ()
    part = Split(x, y)
    return Data(
        "csv", task, part, part, part, names, is_image=False, source="", preprocessing=preprocessing, test_rows=ROWS
    )


def _images(preprocessing: Resized | None) -> Data:
    x = np.random.default_rng(0).integers(0, 256, (5, 6, 4, 3)).astype(np.float32)
    part = Split(x, np.arange(5) % 2)
    return Data(
        "images",
        "classification",
        part,
        part,
        part,
        ("no", "yes"),
        is_image=True,
        source="",
        preprocessing=preprocessing,
    )


def _model(data: Data):
    network = Mlp(units=[8], dropout=0.5).build(data, seed=0)
    return network, served(network, data)


@pytest.mark.parametrize("name", ["model.keras", "saved_model"])
def test_a_table_s_rows_go_in_and_a_class_s_name_comes_out_of_every_format(on_device, tmp_path, name):
    data = _table()
    network, model = _model(data)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model" / name)
    rows = {name: x.astype(np.float32) if x.dtype.kind == "f" else x for name, x in named_columns(ROWS).items()}
    said = as_arrays(loaded(rows))
    assert isinstance(said, dict)
    logits = np.asarray(network(data.train.x, training=False))
    np.testing.assert_allclose(scores_of(said), logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(said["probabilities"].sum(axis=1), 1, rtol=1e-5)
    assert said["class"].tolist() == [data.class_names[number] for number in logits.argmax(axis=1)]


def test_a_text_that_training_does_not_have_and_a_missing_number(on_device):
    data = _table("regression")
    network, model = _model(data)
    row = {"class": np.array([np.nan]), "home town": np.array(["Oslo"]), "Class": np.array([3.0])}
    encoded = np.array([[2.0, 0, 0, 0, 3.0]], np.float32)  # the mean of 1.5 and 2.5, no known home
    np.testing.assert_allclose(np.asarray(model(row)), np.asarray(network(encoded)), rtol=1e-5)


def test_images_of_any_size_and_nothing_is_dropped_out(on_device):
    data = _images(Resized((6, 4), 3))
    network, model = _model(data)
    expected = np.asarray(network(data.train.x, training=False))
    np.testing.assert_array_equal(np.asarray(scores_of(model(data.train.x))), expected)
    doubled = data.train.x.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(np.asarray(scores_of(model(doubled))), expected, rtol=1e-3, atol=1e-3)


def test_the_network_within_is_found_and_other_models_stay_as_they_are(on_device):
    network, model = _model(_images(None))
    assert network_of(model) is network
    assert network_of(network) is network


def test_a_regression_without_preprocessing_is_served_as_it_is(on_device):
    part = Split(np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6.0))
    network, model = _model(Data("diabetes", "regression", part, part, part, (), is_image=False, source=""))
    assert model is network
