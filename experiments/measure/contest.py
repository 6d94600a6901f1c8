"""Whether a model is better than another one on the same test set: paired tests on what each did with each example."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ALPHA = 0.05
"""How often two models that are equally good may be told apart."""

RESAMPLES = 2000
"""How often a bootstrap draws the test set anew."""

BLOCK_BYTES = 2**22
"""About how much of a test set is hashed at a time."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A model's errors, example by example."""

    test_set: str
    """The SHA-256 of the test set: its inputs and its labels."""
    errors: npt.NDArray[np.float64]
    """[n]: of a classifier 1 where it was wrong, else 0; of a regression the squared error."""
    are_counts: bool
    """Whether the errors are those of a classifier."""

    @classmethod
    def of_classes(cls, x: Array, truth: Array, predicted: Array) -> Judged:
        """Judge the classes [n] that a classifier said."""
        return cls(_hash(x, truth), (predicted != truth).astype(np.float64), are_counts=True)

    @classmethod
    def of_numbers(cls, x: Array, truth: Array, predicted: Array) -> Judged:
        """Judge the targets [n] that a regression said."""
        with np.errstate(over="ignore"):  # infinite errors decide nothing
            return cls(_hash(x, truth), (predicted.astype(np.float64) - truth) ** 2, are_counts=False)

    def to_bytes(self) -> bytes:
        """Return the content of an ``.npz`` file."""
        target = io.BytesIO()
        np.savez_compressed(target, test_set=self.test_set, errors=self.errors, are_counts=self.are_counts)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Judged:
        """Read what :meth:`to_bytes` has written. Raises ValueError, KeyError or OSError where it is something else."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return cls(str(file["test_set"]), file["errors"], bool(file["are_counts"]))


@dataclass(frozen=True)
class Contest:
    """The end of a comparison."""

    is_won: bool
    """Whether the new model is better for certain."""
    words: str
    """What was found, as a clause: ``it is wrong on 12 examples where ...``."""


def contest(new: Judged, old: Judged) -> Contest:
    """Compare two models: McNemar's exact test for classifiers, a paired bootstrap for regressions.

    Models that were judged on other test sets cannot be compared.
    """
    if new.test_set != old.test_set or new.are_counts != old.are_counts:
        return Contest(False, "the two were judged on different test sets")
    return _mcnemar(new.errors, old.errors) if new.are_counts else _bootstrap(new.errors, old.errors)


def _mcnemar(new: Array, old: Array) -> Contest:
    from scipy.stats import binomtest

    gained, lost = int(np.sum(new < old)), int(np.sum(new > old))
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    words = (
        f"of {len(new):,} test examples only the new model has {gained:,} right, and only the old one {lost:,} "
        f"(McNemar's exact test, p = {p:.2g})"
    )
    return Contest(gained > lost and p < ALPHA, words)


def _bootstrap(new: Array, old: Array) -> Contest:
    if not (np.isfinite(new).all() and np.isfinite(old).all()):
        return Contest(False, "the squared errors are beyond the largest number")
    difference = new - old
    random = np.random.default_rng(0)
    means = [difference[random.integers(len(difference), size=len(difference))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    words = (
        f"the mean squared error changes by {difference.mean():.3g} on {len(new):,} test examples "
        f"(95 % interval {low:.3g} to {high:.3g}, paired bootstrap)"
    )
    return Contest(bool(high < 0), words)


def _hash(x: Array, truth: Array) -> str:
    hashed = hashlib.sha256(str((x.dtype.str, x.shape, truth.dtype.str)).encode())
    for array in (x, truth):
        size = max(BLOCK_BYTES // max(array[:1].nbytes, 1), 1)
        for begin in range(0, len(array), size):  # the array may be a file's
            hashed.update(array[begin : begin + size].tobytes())
    return hashed.hexdigest()
