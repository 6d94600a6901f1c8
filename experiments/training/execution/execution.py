"""The interface of an execution: it trains for one epoch, on given examples in a given order."""

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
    """A model to train and its data, see :func:`experiments.training.execution.new_execution`."""

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
        """Whether the targets are classes, so that there is an accuracy."""
        return are_classes(self.y)

    @property
    def state(self) -> State:
        """The variables that training changes."""
        return State(self.model, self.optimizer)


@dataclass(frozen=True)
class Epoch:
    """Results of one epoch, averaged over its examples while the model was changing."""

    loss: float
    """Mean over the examples, regularisation included, as Keras' ``fit`` reports it."""
    accuracy: float | None
    """Share of correct classes; None for a regression."""
    seconds: float


class Execution(ABC):
    """Trains a model, one epoch per call."""

    name: ClassVar[str]

    def __init__(self, task: Task) -> None:
        self.task = task

    def run_epoch(self, order: npt.NDArray[np.int64]) -> Epoch:
        """Train on the examples ``order``, in batches of ``batch_size``; the last one may be smaller.

        ``order`` is a permutation of all examples, or a part of one. Each batch makes one step, whatever its size.
        All variables of model and optimizer are updated in place. The first call traces and compiles, see
        :meth:`warm_up`. KeyboardInterrupt passes through within about a second, with the epoch partly done.
        """
        start = time.perf_counter()
        loss, accuracy = self._train(order)
        return Epoch(loss, accuracy, time.perf_counter() - start)

    def warm_up(self) -> float:
        """Trace and compile by training on two batches, which is then undone. Return the seconds that took."""
        size, count = self.task.batch_size, len(self.task.x)
        few = count if count < size else size + count % size
        start = time.perf_counter()
        with self.task.state.kept():
            self.run_epoch(np.arange(few))
        return time.perf_counter() - start

    @abstractmethod
    def _train(self, order: npt.NDArray[np.int64]) -> tuple[float, float | None]:
        """Train for an epoch. Return loss and accuracy as in :class:`Epoch`."""


def are_classes(y: npt.NDArray[Any]) -> bool:
    """Tell whether targets are class numbers, which a loss compares with logits."""
    return y.dtype.kind in "iu"
