"""How good a classifier is beside its accuracy: precision, recall, F1 and the area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

METRICS = ("precision", "recall", "f1", "auc")
"""The values of ``experiment.metrics``."""

POSITIVE = 1
"""Of two classes, the one that is looked for: the second."""


def softmax(logits: Array) -> npt.NDArray[np.float64]:
    """Return the probabilities [n, classes] of logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    result: npt.NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def class_scores(names: Sequence[str], truth: Array, logits: Array) -> dict[str, float]:
    """Return the scores called ``names`` by scikit-learn, of class numbers [n] and logits [n, classes].

    Of two classes they are those of the second one, :data:`POSITIVE`; of more the mean over the classes that occur
    (macro), for ``auc`` of each class against all others. A class that is never predicted has the precision 0. NaN
    where there is no area, as all examples are of one class.
    """
    from sklearn.metrics import f1_score, precision_score, recall_score

    kinds = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    predicted = np.argmax(logits, axis=1)
    # Without ``labels`` the mean would also be over classes that are only predicted.
    of = {"average": "binary"} if logits.shape[1] == 2 else {"average": "macro", "labels": np.unique(truth)}
    return {
        name: _area(truth, softmax(logits))
        if name == "auc"
        else float(kinds[name](truth, predicted, **of, zero_division=0))
        for name in names
    }


def _area(truth: Array, probabilities: Array) -> float:
    from sklearn.metrics import roc_auc_score

    classes = probabilities.shape[1]
    wanted = [POSITIVE] if classes == 2 else range(classes)
    told_apart = [number for number in wanted if 0 < np.sum(truth == number) < len(truth)]
    areas = [roc_auc_score(truth == number, probabilities[:, number]) for number in told_apart]
    return float(np.mean(areas)) if areas else math.nan
