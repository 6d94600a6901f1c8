"""The test set of the model to be served, and how well outputs answer it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.deployment.backends import Inputs, Outputs
from experiments.experiment import Refused
from experiments.recorder import Source

REGRESSION = "regression"
"""The ``task`` of a test set whose labels are numbers to be met."""

CALIBRATION_EXAMPLES = 100
"""The order of magnitude that LiteRT's guide names for representative data."""

RANDOM_EXAMPLES = 256
"""How many inputs are made up if there is no test set."""


@dataclass(frozen=True)
class TestSet:
    """Inputs [n, ...], with the right answers if they are known."""

    __test__ = False  # not one of pytest's

    inputs: Inputs
    labels: np.ndarray[Any, Any] | None
    task: str
    calibration: Inputs
    """Inputs for the choice of int8 ranges."""
    calibrated_with: str
    """A description of those inputs, for the note."""

    @property
    def measure_of_quality(self) -> str:
        """The name of what :meth:`quality` returns."""
        return "mean absolute error" if self.task == REGRESSION else "accuracy"

    def quality(self, outputs: Outputs) -> float | None:
        """Return the share of right answers, for a regression the mean absolute error; None without labels."""
        if self.labels is None:
            return None
        if self.task == REGRESSION:
            return float(np.mean(np.abs(outputs.reshape(self.labels.shape) - self.labels)))
        return float(np.mean(_classes(outputs) == _labels(self.labels, outputs)))


def load_test_set(source: Source, shape: tuple[int, ...], dtype: str, most: int | None, seed: int) -> TestSet:
    """Return the first ``most`` examples of the source's test set; if it has none, seeded normal inputs without labels.

    ``shape`` is that of one input of the model. Raises Refused if the test set does not fit this model.
    """
    if source.test_set is None:
        inputs = _made_up(shape, dtype, seed)
        return TestSet(inputs, None, "", inputs[:CALIBRATION_EXAMPLES], "random numbers, so its ranges mean nothing")
    arrays = _arrays(source.test_set)
    if "x" not in arrays or not len(arrays["x"]):
        raise Refused(f"{source.test_set.name} of {source.title} has no examples in an array 'x'")
    everything = arrays["x"]
    if everything.ndim != len(shape) + 1:
        raise Refused(
            f"{source.test_set.name} of {source.title} has inputs of shape {everything.shape[1:]}, "
            f"the model takes {shape}"
        )
    inputs = everything[:most].astype(dtype, copy=False)
    labels = arrays["y"][:most] if "y" in arrays else None
    task = str(arrays["task"]) if "task" in arrays else _task_of(labels)
    calibration, words = inputs[:CALIBRATION_EXAMPLES], f"the test set's first {CALIBRATION_EXAMPLES} inputs"
    if source.calibration is not None:
        calibration = _arrays(source.calibration)["x"][:CALIBRATION_EXAMPLES].astype(dtype, copy=False)
        words = f"{len(calibration)} training inputs"
    return TestSet(inputs, labels, task, calibration, words)


def _task_of(labels: np.ndarray[Any, Any] | None) -> str:
    """Guess the task of labels that come without one: numbers with fractions are no classes."""
    has_fractions = labels is not None and labels.dtype.kind == "f" and bool(np.any(labels != np.round(labels)))
    return REGRESSION if has_fractions else ""


def _arrays(path: Any) -> Mapping[str, np.ndarray[Any, Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} cannot be read as arrays of NumPy: {error}") from None


def _made_up(shape: tuple[int, ...], dtype: str, seed: int) -> Inputs:
    random = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return np.zeros((RANDOM_EXAMPLES, *shape), dtype)  # 0 is an index that every table has
    return random.normal(size=(RANDOM_EXAMPLES, *shape)).astype(dtype)


def _classes(outputs: Outputs) -> np.ndarray[Any, Any]:
    """Return the class that each output stands for: the largest of several, 0 or 1 for a single one."""
    if outputs.ndim > 1 and outputs.shape[-1] > 1:
        return np.asarray(outputs.argmax(axis=-1))
    is_probability = outputs.min() >= 0 and outputs.max() <= 1  # else it is a logit
    return (outputs.reshape(len(outputs)) > (0.5 if is_probability else 0.0)).astype(int)


def _labels(labels: np.ndarray[Any, Any], outputs: Outputs) -> np.ndarray[Any, Any]:
    """Return class numbers, from one-hot labels as well."""
    if labels.ndim > 1 and labels.shape == outputs.shape and labels.shape[-1] > 1:
        return np.asarray(labels.argmax(axis=-1))
    return labels.reshape(labels.shape[: outputs.ndim - 1]).astype(int)
