"""The split of examples into training, validation and test, and a few drawn from many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.intp]
"""Indices of examples."""


def split_off(rows: Rows, y: Array, share: float, of: int, seed: int) -> tuple[Rows, Rows]:
    """Set a random part of ``rows`` aside, of the size ``share`` times ``of``; return the rest and the part.

    ``y`` are the labels of all examples. Where they are class numbers (integers), both keep the classes in proportion.
    Raises Refused where there are too few examples for that.
    """
    from sklearn.model_selection import train_test_split

    size = round(share * of)
    _require_enough(y[rows], size, f"a share of {share:g} of {of} examples")
    strata = y[rows] if _is_classes(y) else None
    stay, part = train_test_split(rows, test_size=size, random_state=seed, stratify=strata)
    return stay, part


def first(rows: Rows, y: Array, limit: int | None) -> Rows:
    """The first ``limit`` of ``rows``, with classes in proportion. A larger limit keeps all rows of a smaller one."""
    if limit is None or limit >= len(rows):
        return rows
    if not _is_classes(y):
        return rows[:limit]
    place = np.empty(len(rows))
    for number in np.unique(y[rows]):
        of_class = y[rows] == number
        count = of_class.sum()
        place[of_class] = (np.arange(count) + 0.5) / count  # each class spread evenly from 0 to 1
    return rows[np.argsort(place, kind="stable")[:limit]]


def drawn(count: int, most: int | None, seed: int) -> Rows:
    """Draw ``most`` of ``count`` rows, or all of them, and return them in their order.

    The first rows of a set may all be of one class, and rows in equal steps may meet a pattern of the set.
    """
    if most is None or most >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def picked(examples: Any, rows: Rows) -> Any:
    """Return the examples of ``rows``, which :func:`drawn` gave; all of them are not copied."""
    return examples if len(rows) == len(examples) else examples[rows]


def _require_enough(y: Array, size: int, part: str) -> None:
    if not 0 < size < len(y):
        raise Refused(f"{part} are {size}, which leaves nothing for another part of the split")
    if not _is_classes(y):
        return
    numbers, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        raise Refused(f"class {numbers[counts.argmin()]} has a single example, which no two parts can share")
    if min(size, len(y) - size) < len(numbers):
        raise Refused(f"{part} are {size}, too few to split {len(y)} examples of {len(numbers)} classes")


def _is_classes(y: Array) -> bool:
    return y.dtype.kind == "i"
