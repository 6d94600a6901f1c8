"""The curves of a classifier on its test set: ROC, precision and recall, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.recorder import Row
from experiments.training.class_scores import POSITIVE

Array = npt.NDArray[Any]

ROC, PRECISION_RECALL, CALIBRATION = "roc", "precision_recall", "calibration"

MOST_CLASSES = 10
"""With more classes than these there is one curve for all, of every class against the others (micro-average)."""

MOST_POINTS = 200
"""A curve of more points keeps so many of them."""

BINS = 10
"""The bins of the calibration, all of the same width."""

EVERY_CLASS = "every class against the others"


@dataclass(frozen=True)
class Curve:
    """A curve."""

    kind: str
    of: str
    """The class; of the calibration ``predicted class``."""
    x: Array
    """False positive rate, recall, or mean probability of the predicted class."""
    y: Array
    """True positive rate, precision, or the share that is right."""
    examples: Array | None = None
    """Of the calibration: the number of examples in each bin."""

    def rows(self) -> list[Row]:
        """Return the rows of curves.csv."""
        counts = [None] * len(self.x) if self.examples is None else self.examples.tolist()
        return [
            {"curve": self.kind, "class": self.of, "x": float(x), "y": float(y), "examples": count}
            for x, y, count in zip(self.x, self.y, counts, strict=True)
        ]


def curves(truth: Array, probabilities: Array, class_names: Sequence[str]) -> list[Curve]:
    """Return the curves of class numbers [n] and probabilities [n, classes].

    Of two classes the ones of the second; of more, one for each class that some but not all of the examples have.
    """
    decisions = list(_decisions(truth, probabilities, class_names))
    of_classes = [curve for decision in decisions for curve in (_roc(*decision), _precision_recall(*decision))]
    return [*of_classes, _calibration(truth, probabilities)]


def calibration_error(curve: Curve) -> float:
    """Return the expected calibration error: the mean distance of probability and share over the examples.

    M. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015.
    """
    return float(np.average(np.abs(curve.x - curve.y), weights=curve.examples))


def _decisions(truth: Array, probabilities: Array, class_names: Sequence[str]) -> Iterator[tuple[str, Array, Array]]:
    """Yield a name, whether each example is of the class [n], and the class's probability [n]."""
    count = len(class_names)
    if count > MOST_CLASSES:
        yield EVERY_CLASS, (truth[:, None] == np.arange(count)).ravel(), probabilities.ravel()
        return
    for number in [POSITIVE] if count == 2 else range(count):
        is_it = truth == number
        if 0 < is_it.sum() < len(truth):
            yield class_names[number], is_it, probabilities[:, number]


def _roc(name: str, is_it: Array, probability: Array) -> Curve:
    from sklearn.metrics import roc_curve

    x, y, _ = roc_curve(is_it, probability)
    return Curve(ROC, name, *_thinned(x, y))


def _precision_recall(name: str, is_it: Array, probability: Array) -> Curve:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(is_it, probability)
    return Curve(PRECISION_RECALL, name, *_thinned(recall[::-1], precision[::-1]))


def _thinned(*arrays: Array) -> list[Array]:
    count = len(arrays[0])
    kept = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))
    return [array[kept] for array in arrays]


def _calibration(truth: Array, probabilities: Array) -> Curve:
    certainty, is_right = probabilities.max(axis=1), np.argmax(probabilities, axis=1) == truth
    bins = np.minimum((certainty * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    x, y = (np.bincount(bins, values, BINS)[filled] / counts[filled] for values in (certainty, is_right))
    return Curve(CALIBRATION, "predicted class", x, y, counts[filled])
