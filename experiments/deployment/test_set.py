"""The inputs with which the ways of serving a model are compared, and their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends import Inputs, InputSpec, Outputs
from experiments.deployment.scoring import CLASSIFICATION, REGRESSION, Labels, Scoring, scoring_of
from experiments.experiment import Refused
from experiments.networks.datasets.files import named
from experiments.networks.datasets.npz_file import array, opened
from experiments.networks.datasets.splitting import Rows, drawn, picked
from experiments.recorder import TEST_SET_FILE, Source

Array = np.ndarray[Any, Any]

KEYS = ("x", "y", "task")
"""The arrays that a test set may have; others are not read."""

CALIBRATION_EXAMPLES = 100
"""The order of magnitude that LiteRT's guide names for representative data."""

RANDOM_EXAMPLES = 256
"""How many inputs are made up if there is no test set."""


@dataclass(frozen=True)
class TestSet:
    """Inputs [n, ...], with the right answers if they are known."""

    __test__ = False  # not one of pytest's

    title: str
    """The test set in words, to begin a message with."""
    inputs: Inputs
    rows: Rows
    """Which examples of the test set these are."""
    labels: Labels | None
    """The labels of all its examples."""
    task: str
    """What the test set says of its labels: ``classification``, ``regression`` or nothing."""
    calibration: Inputs
    """Inputs for the choice of int8 ranges."""
    calibrated_with: str
    """A description of those inputs, for the note."""

    def scoring(self, outputs: Outputs) -> Scoring | None:
        """Return how outputs are scored, settled by those of the original; None without labels.

        Raises Refused if the labels cannot be those of this model.
        """
        if self.labels is None:
            return None
        try:
            return scoring_of(self.labels, self.rows, outputs, self.task)
        except Refused as unfit:
            raise Refused(f"{self.title}: {unfit}") from None


def load_test_set(source: Source, taken: InputSpec, most: int | None, seed: int) -> TestSet:
    """Draw ``most`` examples of the source's test set; if it has none, seeded normal inputs without labels.

    Raises Refused if the test set does not fit a model that takes such inputs.
    """
    if source.test_set is None:
        inputs = _made_up(source, taken, seed)
        return TestSet(
            f"made-up inputs for {source.title}",
            *(inputs, np.arange(len(inputs)), None, "", inputs[:CALIBRATION_EXAMPLES]),
            calibrated_with="random numbers, so its ranges mean nothing",
        )
    title = f"{source.test_set.name} of {source.title}"
    arrays = _arrays(source.test_set)
    everything, labels = _examples(arrays, taken, title), arrays.get("y")
    if labels is not None and labels.shape[:1] != everything.shape[:1]:
        count = len(labels) if labels.ndim else "no axis of"
        raise Refused(f"{title} has {count} labels y for {len(everything)} examples x: give each its label")
    typical, of_whom = everything, "inputs of the test set"
    if source.calibration is not None:
        typical = _examples(_arrays(source.calibration), taken, f"{source.calibration.name} of {source.title}")
        of_whom = "training inputs"
    rows, calibration = drawn(len(everything), most, seed), typical[drawn(len(typical), CALIBRATION_EXAMPLES, seed)]
    task, words = _task(arrays, title), f"{len(calibration)} {of_whom}"
    return TestSet(title, picked(everything, rows), rows, labels, task, calibration, words)


def _arrays(path: Path) -> Mapping[str, Array]:
    with named(path), opened(path) as file:
        return {key: array(file, key) for key in KEYS if key in file}


def _examples(arrays: Mapping[str, Array], taken: InputSpec, title: str) -> Inputs:
    """Return the array x in the dtype that the model takes. Raises Refused if it does not fit."""
    if "x" not in arrays or not arrays["x"].ndim or not arrays["x"].size:
        raise Refused(f"{title} has no examples in an array 'x'")
    x = arrays["x"]
    if len(x.shape[1:]) != len(taken.shape) or any(
        wanted not in (None, size) for size, wanted in zip(x.shape[1:], taken.shape, strict=True)
    ):
        raise Refused(f"{title} has inputs of shape {list(x.shape[1:])}, the model takes {taken.in_words()}")
    if x.dtype.kind not in "biuf" and x.dtype != np.dtype(taken.dtype):
        raise Refused(f"{title} has inputs of {x.dtype}, the model takes {taken.dtype}")
    converted = x.astype(taken.dtype, copy=False)
    if converted.dtype.kind in "biu" and np.any(wrong := converted != x):
        raise Refused(f"{title} has the input {x[wrong][0]:g}, the model takes {taken.dtype}")
    return converted


def _task(arrays: Mapping[str, Array], title: str) -> str:
    task = arrays.get("task", np.array("")).astype(str).ravel()
    if len(task) != 1 or task[0] not in ("", CLASSIFICATION, REGRESSION):
        raise Refused(f"{title} has the task {', '.join(task)!r}: write {CLASSIFICATION!r} or {REGRESSION!r}")
    return str(task[0])


def _made_up(source: Source, taken: InputSpec, seed: int) -> Inputs:
    """Return seeded inputs. Raises Refused if their size is not known."""
    sizes = [size for size in taken.shape if size is not None]
    if len(sizes) < len(taken.shape):
        raise Refused(
            f"{source.title} takes inputs of any size, {taken.in_words()}: "
            f"put a {TEST_SET_FILE} beside it, whose array x tells the size"
        )
    if np.issubdtype(np.dtype(taken.dtype), np.integer):
        return np.zeros((RANDOM_EXAMPLES, *sizes), taken.dtype)  # 0 is an index that every table has
    return np.random.default_rng(seed).normal(size=(RANDOM_EXAMPLES, *sizes)).astype(taken.dtype)
