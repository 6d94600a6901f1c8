"""Whether a model is better than another one on the same test set: paired tests on what each did with each example.

Were the two equally good, each example's two errors could as well have been the other way round. So the differences are
held against those with signs drawn by a coin (R. A. Fisher's permutation test); of errors that are 0 or 1 that is
McNemar's exact test. It is right for any number of examples, and with fewer than six that differ, nothing is certain at
5 %. A bootstrap of the mean is right for many only: of a single example all its draws are the same, and luck would
decide.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ALPHA = 0.05
"""How often two models that are equally good may be told apart."""

ENUMERATED = 10
"""With up to so many differences a permutation test tries all their signs, which are about a thousand ways."""

DRAWS = 2000
"""How often it draws them where there are more."""

BLOCK_BYTES = 2**22
"""About how much of a test set is hashed, and about how many signs are drawn, at a time."""


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
        """Read what :meth:`to_bytes` has written. Raises ValueError where it is something else."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return cls(str(file["test_set"]), file["errors"], bool(file["are_counts"]))
        except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over
            raise ValueError("not what a training has kept") from error


@dataclass(frozen=True)
class Contest:
    """The end of a comparison."""

    is_won: bool
    """Whether the new model is better for certain."""
    words: str
    """What was found, as a clause: ``it is wrong on 12 examples where ...``."""


def contest(new: Judged, old: Judged) -> Contest:
    """Compare two models: McNemar's exact test for classifiers, a paired permutation test for regressions.

    Models that were judged on other test sets cannot be compared.
    """
    if new.test_set != old.test_set or new.are_counts != old.are_counts:
        return Contest(False, "the two were judged on different test sets")
    return _mcnemar(new.errors, old.errors) if new.are_counts else _permutation(new.errors, old.errors)


def _mcnemar(new: Array, old: Array) -> Contest:
    from scipy.stats import binomtest

    gained, lost = int(np.sum(new < old)), int(np.sum(new > old))
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    words = (
        f"of {len(new):,} test examples only the new model has {gained:,} right, and only the old one {lost:,} "
        f"(McNemar's exact test, p = {p:.2g})"
    )
    return Contest(gained > lost and p < ALPHA, words)


def _permutation(new: Array, old: Array) -> Contest:
    if not (np.isfinite(new).all() and np.isfinite(old).all()):
        return Contest(False, "the squared errors are beyond the largest number")
    difference = new - old
    unit = np.abs(difference).max() or 1.0  # sums of the errors themselves may be beyond the largest number
    mean, p = (difference / unit).mean() * unit, _p(difference / unit)
    words = (
        f"the mean squared error changes by {mean:.3g} on {len(new):,} test examples "
        f"(paired permutation test, p = {p:.2g})"
    )
    return Contest(bool(mean < 0 and p < ALPHA), words)


def _p(difference: Array) -> float:
    """Return the two-sided p-value of the differences [n]: how often random signs give a sum as far from 0."""
    seen = difference[difference != 0]
    sizes = np.abs(seen)
    reached = abs(seen.sum()) - 1e-12 * sizes.sum()  # a sum that is the same but for rounding is as far
    hits = [np.abs(signs @ sizes) >= reached for signs in _signs(np.sign(seen))]
    return float(np.concatenate(hits).mean())


def _signs(seen: Array) -> Iterator[Array]:
    """Yield all ways [k, n] to choose n signs; where there are too many, those that were seen and random ones."""
    count = len(seen)
    if count <= ENUMERATED:
        yield np.array(list(itertools.product((-1.0, 1.0), repeat=count)))
        return
    yield seen[None]
    random, size = np.random.default_rng(0), max(BLOCK_BYTES // (8 * count), 1)
    for begin in range(0, DRAWS, size):
        yield random.integers(0, 2, (min(size, DRAWS - begin), count), dtype=np.int8) * 2.0 - 1


def _hash(x: Array, truth: Array) -> str:
    hashed = hashlib.sha256(str((x.dtype.str, x.shape, truth.dtype.str)).encode())
    for array in (x, truth):
        size = max(BLOCK_BYTES // max(array[:1].nbytes, 1), 1)
        for begin in range(0, len(array), size):  # the array may be a file's
            hashed.update(array[begin : begin + size].tobytes())
    return hashed.hexdigest()
