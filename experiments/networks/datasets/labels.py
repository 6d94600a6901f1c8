"""Checks of a user's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.datasets.inputs import is_finite

Array = npt.NDArray[Any]

LISTED = 5
"""A message names at most this many class numbers."""

NUMBER_THEM = "numpy.searchsorted(numpy.unique(y_train), y) numbers any labels y so, those of y_test as well"
REGRESSION = (
    "if they are targets of a regression, say experiment.dataset.task=regression, or in a class of yours task = "
    '"regression"'
)


def numbered(labels: Mapping[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """Return the labels, each by its key, as numbers from 0 where they are one-hot rows, texts, or numbered from 1.

    The first of them is that of training. Beside them stand the names of the classes, where the labels are such names
    or begin at 1; otherwise there are none.
    """
    plain = {key: _of_one_hot(values) for key, values in labels.items()}
    first, *_ = plain.values()
    if all(values.dtype.kind in "US" for values in plain.values()):
        texts = {key: np.array(names_in(key, values)) for key, values in plain.items()}
        names = sorted({*next(iter(texts.values())).tolist()})
        numbers = {name: number for number, name in enumerate(names)}
        return {
            key: np.array([numbers.get(text, len(names)) for text in column.tolist()]) for key, column in texts.items()
        }, names
    found = np.unique(first) if first.dtype.kind in "iuf" else np.array([])
    begin_at_1 = len(found) > 1 and np.array_equal(found, np.arange(1, len(found) + 1))
    if begin_at_1 and all(values.dtype.kind in "iuf" and (values >= 1).all() for values in plain.values()):
        return {key: values.astype(np.float64) - 1 for key, values in plain.items()}, [f"{label:g}" for label in found]
    return plain, []


def _of_one_hot(values: Array) -> Array:
    """Return the place of the 1 in each row of [n, classes]; anything else as it is."""
    is_table = values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind in "biuf"
    if is_table and np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():
        values = np.argmax(values, axis=1)
    return values


def class_numbers(key: str, values: Array) -> npt.NDArray[np.int64]:
    """Class numbers [n] as int64, from whole numbers of any dtype. Raises Refused unless they are whole, and from 0."""
    column = _column(key, values)
    if column.dtype.kind not in "biuf":
        raise Refused(f"{key} holds {column.dtype}, but classes are whole numbers from 0; {NUMBER_THEM}")
    numbers = column.astype(np.float64)
    whole = numbers == np.floor(numbers)
    if not whole.all():
        raise Refused(f"{key} holds {column[np.argmin(whole)]}, but classes are whole numbers from 0; {REGRESSION}")
    in_range = (numbers >= 0) & (numbers < 2.0**63)
    if not in_range.all():
        wrong = column[np.argmin(in_range)]
        raise Refused(f"{key} holds the class {wrong}, but classes are whole numbers from 0; {NUMBER_THEM}")
    return column.astype(np.int64)


def targets(key: str, values: Array) -> npt.NDArray[np.floating[Any]]:
    """Targets of a regression [n] as floats: whole numbers in float64. Raises Refused unless they are finite."""
    column = _column(key, values)
    if column.dtype.kind not in "biuf":
        raise Refused(f"{key} holds {column.dtype}, but targets of a regression are numbers")
    if not is_finite(column).all():
        raise Refused(f"{key} holds NaN, infinity or numbers beyond float64")
    return column if column.dtype.kind == "f" else column.astype(np.float64)


def require_same_classes(y: npt.NDArray[np.int64], y_test: npt.NDArray[np.int64]) -> int:
    """Count the classes. Raises Refused unless training has all of them, at least two, numbered from 0 without gaps."""
    count = counted("y_train", y)
    unknown = np.setdiff1d(y_test, np.arange(count))
    if len(unknown):
        named = ", ".join(map(str, unknown[:LISTED])) + (", ..." if len(unknown) > LISTED else "")
        raise Refused(f"y_test holds classes that y_train does not have: {named}")
    return count


def counted(key: str, y: npt.NDArray[np.int64]) -> int:
    """Count the classes. Raises Refused unless there are at least two, numbered from 0 without gaps."""
    found = np.unique(y)
    count = len(found)
    if count < 2:
        raise Refused(f"{key} holds a single class, {found[0]}; there is nothing to tell apart")
    if found[-1] != count - 1:
        missing = int(np.argmax(found != np.arange(count)))
        raise Refused(
            f"{key} holds the class {found[-1]} but not {missing}; classes are whole numbers from 0 without a gap; "
            f"{NUMBER_THEM}; {REGRESSION}"
        )
    return count


def require_same_count(x_key: str, x: Array, y_key: str, y: Array) -> None:
    """Raises Refused unless each example has a label."""
    if len(x) != len(y):
        raise Refused(f"{x_key} has {len(x)} examples, but {y_key} has {len(y)} labels")


def names_in(key: str, values: Array) -> list[str]:
    """The names in an array of text, of bytes in UTF-8, or of anything that has a text."""
    if values.dtype.kind != "S":
        return [str(name) for name in np.ravel(values)]
    try:
        return [name.decode() for name in np.ravel(values).tolist()]
    except UnicodeDecodeError as error:
        raise Refused(f"{key} holds bytes that are not UTF-8 ({error.object!r}); save the names as text") from None


def names_of(classes: int, given: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """The names by class number: ``given``, or those ``found`` in the labels, or the class numbers.

    Labels that are these very names have numbered the classes, whatever the order in which the names are given. Raises
    Refused unless each class has a name of its own.
    """
    names = found if {*given} == {*found} else given or found
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
