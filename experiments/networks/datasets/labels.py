"""Checks of the labels in a user's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused

Array = npt.NDArray[Any]

LISTED = 5
"""A message names at most this many class numbers."""


def class_numbers(key: str, values: Array) -> npt.NDArray[np.int64]:
    """Class numbers [n] as int64. Raises Refused unless they are whole numbers from 0."""
    column = _column(key, values)
    if column.dtype.kind == "f":
        raise Refused(
            f"{key} holds numbers of {column.dtype}, but classes are whole numbers from 0; "
            "if they are targets of a regression, say experiment.dataset.task=regression"
        )
    if column.dtype.kind not in "biu":
        raise Refused(f"{key} holds {column.dtype}, but classes are whole numbers from 0")
    if column.min() < 0 or column.max() > np.iinfo(np.int64).max:
        wrong = column.min() if column.min() < 0 else column.max()
        raise Refused(f"{key} holds the class {wrong}, but classes are whole numbers from 0")
    return column.astype(np.int64)


def targets(key: str, values: Array) -> npt.NDArray[np.float32]:
    """Targets of a regression [n] as float32. Raises Refused unless they are finite numbers."""
    column = _column(key, values)
    if column.dtype.kind not in "biuf":
        raise Refused(f"{key} holds {column.dtype}, but targets of a regression are numbers")
    with np.errstate(over="ignore"):
        numbers = column.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise Refused(f"{key} holds NaN, infinity or numbers beyond float32")
    return numbers


def require_same_classes(y: npt.NDArray[np.int64], y_test: npt.NDArray[np.int64]) -> int:
    """Count the classes. Raises Refused unless training has all of them, at least two, numbered from 0 without gaps."""
    found = np.unique(y)
    count = len(found)
    if count < 2:
        raise Refused(f"y_train holds a single class, {found[0]}; there is nothing to tell apart")
    if found[-1] != count - 1:
        missing = int(np.argmax(found != np.arange(count)))
        raise Refused(
            f"y_train holds the class {found[-1]} but not {missing}; classes are whole numbers from 0 without a gap"
        )
    unknown = np.setdiff1d(y_test, found)
    if len(unknown):
        named = ", ".join(map(str, unknown[:LISTED])) + (", ..." if len(unknown) > LISTED else "")
        raise Refused(f"y_test holds classes that y_train does not have: {named}")
    return count


def names_of(classes: int, names: Sequence[str]) -> tuple[str, ...]:
    """``names``, or the class numbers where it is empty. Raises Refused unless each class has a name of its own."""
    if not names:
        return tuple(map(str, range(classes)))
    if len(names) != classes:
        raise Refused(f"class_names has {len(names)} names, but there are {classes} classes")
    if len(set(names)) != classes:
        raise Refused("class_names has the same name twice")
    return tuple(names)


def _column(key: str, values: Array) -> Array:
    """Labels as [n], from [n] or [n, 1]. Raises Refused for other shapes."""
    column = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if column.ndim != 1:
        raise Refused(f"{key} has the shape {list(values.shape)}, but labels are one number an example")
    if not len(column):
        raise Refused(f"{key} is empty")
    return column
