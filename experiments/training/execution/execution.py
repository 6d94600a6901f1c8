"""What an execution is: one epoch over given examples in a given order."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from experiments.training.execution.state import State


@dataclass(frozen=True)
class Task:
    """What is to be trained on what, see :func:`experiments.training.execution.new_execution`."""

    model: Any
    optimizer: Any
    loss: Any
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    batch_size: int

    def __post_init__(self) -> None:
        if not self.optimizer.built:
            with self.model.distribute_strategy.scope():
                self.optimizer.build(self.model.trainable_variables)

    @property
    def classifies(self) -> bool:
        """Whether there is an accuracy: the targets are classes."""
        return is_classification(self.loss)

    @property
    def state(self) -> State:
        return State(self.model, self.optimizer)


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave, over all its examples as they were met: the model changed meanwhile."""

    loss: float
    """Mean over the examples, with the model's own losses (regularisation), as Keras' ``fit`` reports it."""
    accuracy: float | None
    """Share of right classes; None for a regression."""
    seconds: float


class Execution(ABC):
    """One way to train a model for an epoch."""

    name: ClassVar[str]

    def __init__(self, task: Task) -> None:
        self.task = task

    def run_epoch(self, order: npt.NDArray[np.int64]) -> Epoch:
        """Trains on the examples ``order``, ``batch_size`` at a time; a smaller batch may come last.

        ``order`` is a permutation of all examples, or a part of one. A step weighs as much whatever its batch's size.
        Weights, the optimizer's variables, moving statistics and seed generators' states are updated in place.
        The first call traces and compiles, see :meth:`warm_up`.
        KeyboardInterrupt passes through within a second or so, with the epoch half done.
        """
        start = time.perf_counter()
        loss, accuracy = self._train(order)
        return Epoch(loss, accuracy, time.perf_counter() - start)

    def warm_up(self) -> float:
        """Traces and compiles what an epoch needs: trains on two batches and takes it back. Returns the seconds."""
        size, count = self.task.batch_size, len(self.task.x)
        few = count if count < size else size + count % size
        start = time.perf_counter()
        with self.task.state.kept():
            self.run_epoch(np.arange(few))
        return time.perf_counter() - start

    @abstractmethod
    def _train(self, order: npt.NDArray[np.int64]) -> tuple[float, float | None]:
        """Loss and accuracy."""


def is_classification(loss: Any) -> bool:
    """Whether ``loss`` compares logits with classes."""
    import keras

    return isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
