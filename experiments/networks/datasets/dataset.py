"""The base class of datasets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from experiments.experiment import Choice
from experiments.networks.data import Data, Split
from experiments.networks.datasets.splitting import Array, Rows, first, split_off
from experiments.validators import require_at_least, require_share


@dataclass
class Dataset(Choice, ABC):
    """Examples to learn from. The same seed always gives the same split."""

    validation_share: float = 0.1
    """The share for validation of all examples; where the test set is a file of its own, of the others."""
    limit: int | None = None
    """The largest number of training examples; validation and test keep theirs. None for all."""

    def __post_init__(self) -> None:
        require_share(self, "validation_share")
        require_at_least(self, "limit", 1)

    @abstractmethod
    def load(self, seed: int) -> Data:
        """Load the examples and split them by ``seed``.

        Raises :class:`experiments.experiment.Refused` where they are missing or cannot be used.
        """

    def _training(self, x: Array, y: Array, rows: Rows, seed: int) -> tuple[Split, Split]:
        """Split the ``rows`` of x and y that do not belong to the test set into training and validation."""
        training, validation = self._training_rows(y, rows, seed)
        return picked(x, y, training), picked(x, y, validation)

    def _training_rows(self, y: Array, rows: Rows, seed: int) -> tuple[Rows, Rows]:
        """Split the ``rows`` that do not belong to the test set into those for training and for validation."""
        training, validation = split_off(rows, y, self.validation_share, len(y), seed)
        return first(training, y, self.limit), validation


def picked(x: Array, y: Array, rows: Rows) -> Split:
    """The ``rows`` of the examples, with inputs still in the numbers of their source."""
    return Split(x[rows], y[rows])
