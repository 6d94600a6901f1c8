"""The loss that training minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.experiment import Choice
from experiments.networks.data import Task

if TYPE_CHECKING:
    import keras


@dataclass
class Loss(Choice, ABC):
    """A loss of Keras."""

    @abstractmethod
    def build(self, task: Task, dtype: str | None) -> keras.losses.Loss:
        """Return a loss that averages over the batch, and computes in ``dtype`` (None: Keras' own float32).

        For a classification it compares class numbers [n] with logits [n, classes], for a regression targets [n, 1]
        with outputs [n, 1], both in deviations of the training targets from their mean. Raises Refused for a task that
        it is not made for.
        """


@dataclass
class Standard(Loss):
    """Cross-entropy of logits, or the squared error of a regression: the share of the variance that is unexplained."""

    name: ClassVar[str] = "standard"

    def build(self, task: Task, dtype: str | None) -> keras.losses.Loss:
        import keras

        if task == "classification":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype)
        return keras.losses.MeanSquaredError(dtype=dtype)


LOSSES: tuple[type[Loss], ...] = (Standard,)
