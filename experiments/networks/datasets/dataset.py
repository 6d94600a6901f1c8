"""What a dataset is: examples from somewhere, split by a seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from experiments.experiment import Choice
from experiments.networks.data import Data, Split
from experiments.networks.datasets.splitting import Array, Rows, first, split_off
from experiments.validators import require_at_least, require_share


@dataclass
class Dataset(Choice, ABC):
    """Examples to learn from. The same seed gives the same split, whatever else is random."""

    validation_share: float = 0.1
    """Of all examples; where the test set is a file of its own, of the others."""
    limit: int | None = None
    """At most so many training examples; validation and test stay as they are."""

    def __post_init__(self) -> None:
        require_share(self, "validation_share")
        require_at_least(self, "limit", 1)

    @abstractmethod
    def load(self, seed: int) -> Data:
        """The examples, split by ``seed``.

        Raises :class:`experiments.experiment.Refused` when they are not there or cannot be used.
        """

    def _training(self, x: Array, y: Array, rows: Rows, seed: int) -> tuple[Split, Split]:
        """Training and validation examples: the ``rows`` of x and y that are no test set's."""
        training, validation = split_off(rows, y, self.validation_share, len(y), seed)
        return picked(x, y, first(training, y, self.limit)), picked(x, y, validation)


def picked(x: Array, y: Array, rows: Rows) -> Split:
    """Some of the examples, in the types of :class:`Split`. Only what is used is converted: images are many."""
    return Split(x[rows].astype(np.float32, copy=False), y[rows])
