"""How well outputs answer a test set: settled once, with the original's outputs, and the same for all ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from experiments.deployment.backends import Outputs
from experiments.experiment import Refused
from experiments.networks.datasets.splitting import Rows

Labels = np.ndarray[Any, Any]

CLASSIFICATION, REGRESSION = "classification", "regression"
"""What the array ``task`` of a test set may say."""

NUMBER_THEM = "write the number of each class, from 0 in the order of the outputs"
OR_TARGETS = "; if they are targets of a regression, add the array task='regression'"


@dataclass(frozen=True)
class Classes:
    """One class for each example: the one with the largest output."""

    labels: Labels
    """Class numbers, in the shape of the outputs without their last axis."""
    measure: ClassVar[str] = "accuracy"

    def quality(self, outputs: Outputs) -> float:
        """Return the share of right answers."""
        return float(np.mean(outputs.argmax(axis=-1) == self.labels))


@dataclass(frozen=True)
class YesOrNo:
    """A yes or a no for each output: for the only one, or for each of several classes that may apply together."""

    labels: Labels
    """True for yes, in the shape of the outputs."""
    threshold: float
    """An output beyond it says yes: 0.5 for probabilities, 0 for logits."""
    measure: ClassVar[str] = "accuracy"

    def quality(self, outputs: Outputs) -> float:
        """Return the share of right answers."""
        return float(np.mean((outputs > self.threshold) == self.labels))


@dataclass(frozen=True)
class Targets:
    """Numbers to be met: a regression."""

    labels: Labels
    """float64, in the shape of the outputs."""
    measure: ClassVar[str] = "mean absolute error"

    def quality(self, outputs: Outputs) -> float:
        """Return the mean absolute error."""
        return float(np.mean(np.abs(outputs.astype(np.float64) - self.labels)))


Scoring = Classes | YesOrNo | Targets


def scoring_of(labels: Labels, rows: Rows, outputs: Outputs, task: str) -> Scoring:
    """Return how the original's ``outputs`` for the examples ``rows`` are scored with the ``labels`` of all examples.

    ``task`` is what the test set says of itself; where it says nothing, shapes and values decide. Raises Refused, with
    what to do, where these cannot be the labels of this model.
    """
    _require_numbers(labels)
    if _shape(labels) == _shape(outputs):
        return _of_each_output(labels.reshape(len(labels), *outputs.shape[1:]), rows, outputs, task)
    if task != REGRESSION and _shape(labels) == _shape(outputs[..., 0]):
        return _of_largest_output(labels.reshape(len(labels), *outputs.shape[1:-1]), rows, outputs)
    wanted = "one number for each output" if task == REGRESSION else "one class number, or one number for each output"
    raise Refused(
        f"its labels y have the shape {list(labels.shape[1:])} an example, the outputs {list(outputs.shape[1:])}: "
        f"give {wanted}"
    )


def _require_numbers(labels: Labels) -> None:
    if labels.dtype.kind not in "biuf":
        first = labels.flat[0]
        word = first.decode(errors="replace") if isinstance(first, bytes) else str(first)
        raise Refused(f"its labels y hold {word!r}, which is no number: {NUMBER_THEM}")
    if not (finite := np.isfinite(labels)).all():
        wrong = int(np.argmin(finite.reshape(len(labels), -1).all(axis=1)))
        raise Refused(f"its labels y hold NaN or infinity, first in example {wrong}: leave such examples out")


def _of_each_output(labels: Labels, rows: Rows, outputs: Outputs, task: str) -> Scoring:
    """Score labels that have one number for each output."""
    if task == REGRESSION or (not task and _are_targets(labels, outputs)):
        return Targets(labels[rows].astype(np.float64))
    if np.any((labels != 0) & (labels != 1)):
        raise Refused(
            f"its labels y {_in_words(labels)}, but each output says yes or no: write 1 and 0"
            f"{'' if task else OR_TARGETS}"
        )
    yes = labels[rows] == 1
    if yes.ndim > 1 and yes.shape[-1] > 1 and np.all((labels == 1).sum(axis=-1) == 1):  # one-hot
        return Classes(yes.argmax(axis=-1))
    return YesOrNo(yes, threshold=0.5 if _are_probabilities(outputs) else 0.0)


def _are_targets(labels: Labels, outputs: Outputs) -> bool:
    """Tell whether labels without a task can only be targets: two whole numbers may well be two classes."""
    if np.any(labels != np.round(labels)):
        return True
    values = np.unique(labels)
    return not _are_probabilities(outputs) and len(values) != 2 and not set(values) <= {0, 1}


def _are_probabilities(outputs: Outputs) -> bool:
    return bool(outputs.min() >= 0 and outputs.max() <= 1)


def _of_largest_output(labels: Labels, rows: Rows, outputs: Outputs) -> Classes:
    """Score labels that have one class number for all outputs along the last axis."""
    last = outputs.shape[-1] - 1
    if np.any(labels != np.round(labels)) or labels.min() < 0 or labels.max() > last:
        classes = f"0 to {last}" if last > 1 else "0 and 1"
        raise Refused(f"its labels y {_in_words(labels)}, but the model's classes are {classes}: {_mend(labels, last)}")
    return Classes(labels[rows].astype(np.int64))


def _mend(labels: Labels, last: int) -> str:
    """Advise how to make class numbers of labels that are none."""
    low, high = float(labels.min()), float(labels.max())
    if len(np.unique(labels)) == last + 1 == high - low + 1:
        return f"subtract {low:g} from each" if low > 0 else f"add {-low:g} to each"
    return NUMBER_THEM


def _in_words(labels: Labels) -> str:
    values = np.unique(labels)
    if len(values) <= 2:
        return f"are {' and '.join(f'{value:g}' for value in values)}"
    if np.any(fractions := values != np.round(values)):
        return f"hold {values[fractions][0]:g}"
    return f"run from {values[0]:g} to {values[-1]:g}"


def _shape(array: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Return the shape of one example, without axes of size 1."""
    return tuple(size for size in array.shape[1:] if size != 1)
