"""A dataset from a user's NumPy file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, cast, get_args

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data, Task
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.files import digest, located, named
from experiments.networks.datasets.inputs import Array, inputs
from experiments.networks.datasets.labels import (
    class_numbers,
    names_in,
    names_of,
    numbered,
    require_same_classes,
    require_same_count,
    targets,
)
from experiments.networks.datasets.npz_file import array, opened
from experiments.networks.datasets.ready import ready
from experiments.validators import InvalidField, require_choice

KEYS = ("x_train", "y_train", "x_test", "y_test")
"""The arrays that a file must have, named as in Keras' mnist.npz."""

NAMES = "class_names"
"""The array with the names of the classes, which a file may have."""


@dataclass
class Npz(Dataset):
    """The arrays x_train, y_train, x_test, y_test of a NumPy file, as Keras' mnist.npz has them.

    Inputs are [n, features], [n, height, width] or [n, height, width, channels]; labels are whole numbers from 0 or 1,
    1.0 among them, one-hot rows, or the classes' names; with ``task="regression"`` any numbers. Nothing in the file is
    executed: pickles are refused, and so are arrays of Python objects.
    """

    name: ClassVar[str] = "npz"

    path: str = ""
    task: str = "classification"
    class_names: list[str] = field(default_factory=list)
    """The names of the classes by class number; if empty, the file's own ``class_names``, or else the labels."""
    channels_first: bool = False
    """Whether images are [n, channels, height, width]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, "task", get_args(Task))
        if not self.path.strip():
            raise InvalidField(self, "path", "names no file; say experiment.dataset.path=FOLDER/FILE.npz")
        if self.class_names and self.task == "regression":
            raise InvalidField(self, "class_names", "a regression has no classes")

    def check(self) -> None:
        path = located(self.path)
        with named(path):
            self._examples(_arrays(path))

    def load(self, seed: int) -> Data:
        path = located(self.path)
        with named(path):
            return self._split(_arrays(path), f"{path}, sha256 {digest(path)}", seed)

    def _split(self, arrays: Mapping[str, Array], source: str, seed: int) -> Data:
        x, x_test, y, y_test, names = self._examples(arrays)
        train, validation = self._training(x, y, np.arange(len(y)), seed)
        test = picked(x_test, y_test, np.arange(len(y_test)))
        return ready(Data(self.name, cast(Task, self.task), train, validation, test, names, x.ndim == 4, source))

    def _examples(self, arrays: Mapping[str, Array]) -> tuple[Array, Array, Array, Array, tuple[str, ...]]:
        """Return inputs and labels of training and test, and the names of the classes; x, x, y, y, names."""
        x, x_test = (self._inputs(key, arrays[key]) for key in ("x_train", "x_test"))
        if x.shape[1:] != x_test.shape[1:]:
            shapes = f"{list(x.shape[1:])} in x_train, but {list(x_test.shape[1:])} in x_test"
            raise Refused(f"an example has the shape {shapes}")
        y, y_test, names = self._labels(arrays)
        require_same_count("x_train", x, "y_train", y)
        require_same_count("x_test", x_test, "y_test", y_test)
        return x, x_test, y, y_test, names

    def _inputs(self, key: str, values: Array) -> Array:
        if not self.channels_first:
            return inputs(key, values)
        if values.ndim != 4:
            raise Refused(f"{key} has the shape {list(values.shape)}, which has no channels that could come first")
        return inputs(key, np.moveaxis(values, 1, -1))

    def _labels(self, arrays: Mapping[str, Array]) -> tuple[Array, Array, tuple[str, ...]]:
        """The labels of training and test, and the names of the classes."""
        y, y_test = arrays["y_train"], arrays["y_test"]
        if self.task == "regression":
            return targets("y_train", y), targets("y_test", y_test), ()
        labels, names = numbered({"y_train": y, "y_test": y_test})
        numbers, test_numbers = (class_numbers(key, values) for key, values in labels.items())
        given = self.class_names or names_in(NAMES, arrays.get(NAMES, np.array([])))
        return numbers, test_numbers, names_of(require_same_classes(numbers, test_numbers), given, names)


def _arrays(path: Path) -> dict[str, Array]:
    """Read the arrays :data:`KEYS` and :data:`NAMES`. Raises Refused where the file or one of them cannot be read."""
    with opened(path) as file:
        missing = [key for key in KEYS if key not in file]
        if missing:
            has = ", ".join(file) or "nothing"
            raise Refused(f"has no {', '.join(missing)}; it has {has}")
        return {key: array(file, key) for key in (*KEYS, NAMES) if key in file}
