"""Datasets that are arrays in memory, of which a part is set aside as the test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from experiments.networks.data import Data, Task
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.files import named
from experiments.networks.datasets.inputs import inputs
from experiments.networks.datasets.labels import (
    class_numbers,
    counted,
    names_of,
    numbered,
    require_same_count,
    targets,
)
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import Array, split_off
from experiments.validators import InvalidField, require_share


@dataclass
class Arrays(Dataset):
    """Examples without a test set of their own. A subclass says in :meth:`arrays` what they are."""

    task: ClassVar[Task] = "classification"

    test_share: float = 0.2
    """The test set's share of all examples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "test_share")
        if self.validation_share + self.test_share >= 1:
            taken = f"{self.validation_share} for validation and {self.test_share} for the test"
            raise InvalidField(self, "test_share", f"{taken} leave nothing to train with")

    @property
    def source(self) -> str:
        """Where the examples come from, in words for those who read the run."""
        return f"dataset={self.name}"

    @abstractmethod
    def arrays(self) -> tuple[Array, Array] | tuple[Array, Array, Sequence[str]]:
        """Return inputs, labels and, where the labels do not tell them, the names of the classes by class number.

        Inputs are [n, features], [n, height, width] or [n, height, width, channels]; labels are whole numbers from 0
        or 1, one-hot rows, or the classes' names; of a regression any numbers.
        """

    def load(self, seed: int) -> Data:
        with named(f"dataset={self.name}"):
            x, y, names = (*self.arrays(), ())[:3]
            return self._split(x, y, names, seed)

    def _split(self, x: Array, y: Array, names: Sequence[str], seed: int) -> Data:
        x = inputs("x", np.asarray(x))
        y, class_names = self._labels(np.asarray(y), names)
        require_same_count("x", x, "y", y)
        rows, test = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
        train, validation = self._training(x, y, rows, seed)
        tested = picked(x, y, test)
        return ready(Data(self.name, self.task, train, validation, tested, class_names, x.ndim == 4, self.source))

    def _labels(self, y: Array, names: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
        if self.task == "regression":
            return targets("y", y), ()
        labels, found = numbered({"y": y})
        numbers = class_numbers("y", labels["y"])
        return numbers, names_of(counted("y", numbers), [str(name) for name in names], found)
