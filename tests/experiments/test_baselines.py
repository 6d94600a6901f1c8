"""The baselines of a training: simple answers on the same test set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from experiments.networks.data import Data, Split
from experiments.networks.datasets import BreastCancer, Diabetes
from experiments.training.baselines import Baseline, baselines, baselines_in_words


def of(x: Any, y: Any, names: tuple[str, ...]) -> Data:
    part = Split(np.asarray(x, np.float32), np.asarray(y))
    task = "classification" if names else "regression"
    return Data("npz", task, part, part, part, names, is_image=False, source="made by hand")  # type: ignore[arg-type]


def scores(data: Data) -> dict[str, float]:
    return {one.name: one.score for one in baselines(data)}


def test_the_majority_of_an_uneven_set():
    data = of(np.random.default_rng(0).normal(size=(100, 2)), [0] * 10 + [1] * 90, ("no", "yes"))
    found = baselines(data)
    assert found[0] == Baseline("majority_accuracy", "always answering yes", 0.9)
    words = baselines_in_words(found, 0.9, is_classification=True)
    assert words.startswith("Baselines on this test set: always answering yes (90.00%)")
    assert "The network is no better than" in words


def test_logistic_regression_separates_what_is_separable():
    x, y = make_blobs(200, centers=[[0, 0], [9, 9], [0, 9]], random_state=0)
    assert scores(of(1e6 + x, y, ("a", "b", "c")))["logistic_regression_accuracy"] == 1.0


def test_real_data():
    assert scores(BreastCancer().load(0))["logistic_regression_accuracy"] > 0.95
    of_numbers = scores(Diabetes().load(0))
    assert of_numbers["ridge_regression_rmse"] < 0.85 * of_numbers["mean_rmse"]


@pytest.mark.parametrize("unit", [1e-40, 1.0, 1e200])
def test_errors_are_in_the_targets_unit(unit: float):
    x = np.linspace(-1, 1, 201)[:, None]
    found = scores(of(x, (3 * x[:, 0] + 1) * unit, ()))
    assert found["mean_rmse"] == pytest.approx(np.std(3 * x) * unit)
    assert found["ridge_regression_rmse"] < 0.01 * found["mean_rmse"]


def test_large_data_get_the_majority_alone():
    assert [*scores(of(np.zeros((1000, 600)), [0, 1] * 500, ("a", "b")))] == ["majority_accuracy"]


def test_a_network_that_is_better_is_not_scolded():
    found = [Baseline("mean_rmse", "always answering the mean", 2.0)]
    assert baselines_in_words(found, 1.0, is_classification=False).endswith("always answering the mean (2).")
    assert baselines_in_words([], 1.0, is_classification=False) == ""
