"""What simple answers get on the same test set: without them a score says little."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.networks.data import Data
from experiments.reporting.markdown import literal
from experiments.reporting.ranking import most
from experiments.reporting.text import listed
from experiments.training.regression_scores import regression_scores

Array = npt.NDArray[Any]

MOST_NUMBERS = 1_000_000
"""A linear model is fitted up to so many numbers: examples times features times classes. That takes about a second."""

ITERATIONS = 300


@dataclass(frozen=True)
class Baseline:
    """A simple answer and its score on the test set."""

    name: str
    """Its name as a metric: ``majority_accuracy``."""
    words: str
    """Its name in a sentence: ``always answering cat``."""
    score: float
    """Accuracy; for a regression the root mean square error in the targets' unit."""


def baselines(data: Data) -> list[Baseline]:
    """Return the scores of the largest class and of logistic regression; for a regression of mean and ridge regression.

    The linear models are scikit-learn's with its default penalty, on inputs scaled by the training examples. They are
    left out where the data are large, see :data:`MOST_NUMBERS`.
    """
    return _of_classes(data) if data.task == "classification" else _of_numbers(data)


def baselines_in_words(found: Sequence[Baseline], score: float, is_classification: bool) -> str:
    """Return a sentence with the scores beside that of the network, and whether it is better; empty without any."""
    if not found:
        return ""
    sign = 1 if is_classification else -1
    scores = [f"{one.words} ({one.score:.2%})" if sign > 0 else f"{one.words} ({one.score:.4g})" for one in found]
    best = most(found, lambda one: sign * one.score)
    end = f" The network is no better than {best[0].words}." if best and sign * score <= sign * best[0].score else ""
    return f"Baselines on this test set: {listed(scores)}.{end}"


def _of_classes(data: Data) -> list[Baseline]:
    truth = data.test.y
    most = int(np.argmax(np.bincount(data.train.y)))
    words = f"always answering {literal(data.class_names[most])}"
    found = [Baseline("majority_accuracy", words, float(np.mean(truth == most)))]
    if _is_small(data) and len(np.unique(data.train.y)) > 1:
        predicted = _logistic_regression(data)
        score = float(np.mean(predicted == truth))
        found.append(Baseline("logistic_regression_accuracy", "logistic regression", score))
    return found


def _of_numbers(data: Data) -> list[Baseline]:
    truth, known = data.test.y, data.target_moments
    mean = np.full(truth.shape, known.mean[0])
    found = [Baseline("mean_rmse", "always answering the mean", regression_scores(truth, mean).rmse)]
    if _is_small(data):
        predicted = _ridge_regression(data) * known.unit[0] + known.mean[0]
        found.append(Baseline("ridge_regression_rmse", "ridge regression", regression_scores(truth, predicted).rmse))
    return [one for one in found if np.isfinite(one.score)]


def _is_small(data: Data) -> bool:
    return data.train.x.size * data.outputs <= MOST_NUMBERS


def _logistic_regression(data: Data) -> Array:
    """Return the classes [n] that it says of the test set."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline need not be exact
        model.fit(_features(data, data.train.x), data.train.y)
    predicted: Array = model.predict(_features(data, data.test.x))
    return predicted


def _ridge_regression(data: Data) -> Array:
    """Return the standardised targets [n] that it says of the test set."""
    from sklearn.linear_model import Ridge

    model = Ridge().fit(_features(data, data.train.x), data.standardised_targets(data.train)[:, 0])
    predicted: Array = model.predict(_features(data, data.test.x))
    return predicted


def _features(data: Data, x: Array) -> Array:
    """Return inputs as rows of numbers, in the training examples' deviations from their mean."""
    return data.input_moments.standardised(x).reshape(len(x), -1)
