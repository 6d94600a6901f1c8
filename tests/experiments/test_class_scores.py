"""Precision, recall, F1, areas, and the curves of a classifier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from experiments.training.class_scores import METRICS, class_scores, softmax
from experiments.training.curve_figure import curve_figure
from experiments.training.curves import Curve, calibration_error, curves

TRUTH = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
SAID = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
"""Of the four of class 1 three are found; of the five that are said to be it, three are."""


def logits_of(said: np.ndarray, classes: int) -> np.ndarray:
    return 40 * np.eye(classes, dtype=np.float32)[said]  # the others are equal to the bit


def test_two_classes_are_judged_by_the_second():
    found = class_scores(METRICS, TRUTH, logits_of(SAID, 2))
    assert found == {
        "precision": pytest.approx(3 / 5),
        "recall": pytest.approx(3 / 4),
        "f1": pytest.approx(2 / (5 / 3 + 4 / 3)),
        "auc": pytest.approx((3 / 4 + 4 / 6) / 2),
    }


def test_more_classes_are_judged_by_their_mean():
    truth, said = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 2, 1, 2])
    found = class_scores(METRICS, truth, logits_of(said, 4))  # the fourth class does not occur
    assert found["precision"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found["recall"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found["auc"] == pytest.approx((1 + (1 / 2 + 3 / 4) / 2 + (1 / 2 + 3 / 4) / 2) / 3)


def test_a_class_that_is_only_predicted_has_no_part_in_the_mean():
    found = class_scores(METRICS, np.array([0, 0, 1, 1]), logits_of(np.array([0, 0, 1, 2]), 3))
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((1, (1 + 1 / 2) / 2, (1 + 2 / 3) / 2))


def test_one_class_alone_has_no_area():
    assert math.isnan(class_scores(["auc"], np.zeros(4, int), logits_of(np.zeros(4, int), 2))["auc"])


def random_case(classes: int, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Labels that are drawn with the probabilities [n, classes] that are said."""
    rng = np.random.default_rng(0)
    probabilities = softmax(2 * rng.normal(size=(count, classes)))
    return np.array([rng.choice(classes, p=row) for row in probabilities]), probabilities


def _area_below(curve: Curve) -> float:
    return float(np.trapezoid(curve.y, curve.x))


def test_the_areas_below_the_curves_are_scikit_learns():
    truth, probabilities = random_case(3)
    found = {(curve.kind, curve.of): curve for curve in curves(truth, probabilities, ("a", "b", "c"))}
    assert len(found) == 7
    assert all(len(curve.x) <= 200 for curve in found.values())
    for number, name in enumerate("abc"):
        one = truth == number, probabilities[:, number]
        assert _area_below(found["roc", name]) == pytest.approx(roc_auc_score(*one), abs=2e-3)
        assert _area_below(found["precision_recall", name]) == pytest.approx(average_precision_score(*one), abs=1e-2)


def test_the_calibration_error_of_honest_and_of_boasting_probabilities():
    truth, probabilities = random_case(2)
    honest = curves(truth, probabilities, ("a", "b"))[-1]
    assert honest.examples is not None
    assert honest.examples.sum() == len(truth)
    assert calibration_error(honest) < 0.03
    boasting = curves(truth, np.eye(2)[np.argmax(probabilities, axis=1)], ("a", "b"))[-1]
    assert calibration_error(boasting) == pytest.approx(np.mean(np.argmax(probabilities, axis=1) != truth))


@pytest.mark.parametrize(("classes", "lines"), [(2, [2, 1, 2]), (10, [11, 10, 2]), (11, [2, 1, 2])])
def test_the_figure_has_a_panel_for_each_kind(classes: int, lines: list[int]):
    truth, probabilities = random_case(classes, 500)
    figure = curve_figure(curves(truth, probabilities, [f"class $_{n}" for n in range(classes)]), "title")
    assert [len(axes.lines) for axes in figure.axes] == lines
