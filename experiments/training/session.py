"""One training from its first epoch to its last: model, optimizer, loop, and the best state so far."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.recorder import Recorder
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.answer import Test
from experiments.training.checkpoint import Checkpoint, EpochRow
from experiments.training.execution import (
    AUTO,
    Evaluation,
    Execution,
    assign,
    choose,
    evaluate,
    mirrored,
    new_execution,
    predict,
    replica_devices,
    values_of,
)
from experiments.training.losses import new_loss
from experiments.training.precision import scaled, set_precision

if TYPE_CHECKING:
    from experiments.training.experiment import Training

Array = npt.NDArray[Any]


EVALUATION_BATCH = 256

EXECUTION = "execution"
"""What ``auto`` settles."""


class Session:
    """Trains epoch by epoch; everything random is decided by the seed and the epoch's number."""

    def __init__(self, training: Training, data: Data, checkpoint: Checkpoint | None) -> None:
        """Goes on from ``checkpoint``, if there is one. Raises Refused where it does not fit."""
        import keras

        self.training, self.data = training, data
        set_precision(training.precision)
        keras.utils.set_random_seed(training.seed)
        with _replicated(training.replicas):
            self.model = training.model.build(data, training.seed)
            steps = self._steps_an_epoch() * training.epochs
            self.optimizer = scaled(training.optimizer.build(steps), training.precision)
            self.optimizer.build(self.model.trainable_variables)
        self.loss = new_loss(data)
        self.history: list[EpochRow] = []
        self.best_epoch = 0
        self.execution_name = training.execution
        self.tried: dict[str, str] = {}
        """What ``auto`` has found of each execution."""
        self._best = values_of(self.model.variables)
        self.went_on_from = 0
        if checkpoint:
            self._restore(checkpoint)

    def prepare(self, recorder: Recorder) -> None:
        """Chooses the execution, where that is left to us and not settled yet, and compiles it."""
        chosen: Execution | None = None

        def fastest() -> str:
            nonlocal chosen
            recorder.progress("execution", 0.0, "which loop is the fastest here?")
            choice = choose(*self._task())
            chosen, self.tried = choice.execution, choice.in_words
            return choice.name

        if self.execution_name == AUTO:
            self.execution_name = recorder.settled(EXECUTION, fastest)
        if chosen is None:
            recorder.progress("execution", 0.0, f"compiling {self.execution_name}")
        self._execution = chosen or new_execution(self.execution_name, *self._task())
        self._execution.warm_up()
        validation = self.data.validation
        self._validation = Evaluation(
            self.model, self.loss, validation.x, validation.y, min(EVALUATION_BATCH, len(validation.y))
        )
        recorder.progress("execution", 1.0, self.execution_name)

    def _task(self) -> tuple[Any, Any, Any, Array, Array, int]:
        train = self.data.train
        return self.model, self.optimizer, self.loss, train.x, train.y, self.training.batch_size

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def is_patience_over(self) -> bool:
        """Whether the validation loss has not become lower for too long."""
        patience = self.training.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def train_epoch(self) -> EpochRow:
        """One more epoch, and its validation."""
        number = self.epoch + 1
        done = self._execution.run_epoch(self._order(number))
        val_loss, val_accuracy = self._validation()
        row = EpochRow(
            number,
            done.loss,
            done.accuracy,
            val_loss,
            val_accuracy,
            done.seconds,
            len(self.data.train.y) / done.seconds,
        )
        self.history.append(row)
        if math.isfinite(val_loss) and self._is_best(row):
            self.best_epoch, self._best = number, values_of(self.model.variables)
        return row

    def restore_best(self) -> None:
        """The weights of the epoch with the lowest validation loss."""
        assign(self.model.variables, self._best)

    def test(self) -> Test:
        """What the network makes of the test set."""
        x, y = self.data.test.x, self.data.test.y
        outputs = predict(self.model, x, EVALUATION_BATCH)
        loss, _ = evaluate(self.model, self.loss, x, y, min(EVALUATION_BATCH, len(y)))
        return Test(loss, np.asarray(outputs, dtype=np.float32))

    def checkpoint(self) -> Checkpoint:
        """Everything that decides how training goes on."""
        return Checkpoint(
            self.epoch,
            self.execution_name,
            self.history,
            self.best_epoch,
            values_of(self.model.variables),
            values_of(self.optimizer.variables),
            self._best,
            self.data.source,
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        if checkpoint.source != self.data.source:
            raise Refused(
                f"sweep.resume: the checkpoint learnt other data ({checkpoint.source}; now it is {self.data.source}); "
                "train anew with sweep.resume=false"
            )
        try:
            assign(self.model.variables, checkpoint.model)
            assign(self.optimizer.variables, checkpoint.optimizer)
        except ValueError:
            raise Refused(
                "sweep.resume: the checkpoint is of another model; train anew with sweep.resume=false"
            ) from None
        self.history = list(checkpoint.history)
        self.best_epoch, self._best = checkpoint.best_epoch, checkpoint.best
        self.execution_name = checkpoint.execution
        self.went_on_from = checkpoint.epoch

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The order of the examples in an epoch, whatever happened before."""
        return np.random.default_rng([self.training.seed, epoch]).permutation(len(self.data.train.y))

    def _is_best(self, row: EpochRow) -> bool:
        return self.best_epoch == 0 or row.val_loss < self.history[self.best_epoch - 1].val_loss

    def _steps_an_epoch(self) -> int:
        return -(-len(self.data.train.y) // self.training.batch_size)


@contextmanager
def _replicated(replicas: int) -> Iterator[None]:
    """What is built within it has a copy on each of so many devices."""
    if replicas == 1:
        yield
        return
    with import_tensorflow().device(None), mirrored(replica_devices(replicas)).scope():
        yield
