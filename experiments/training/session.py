"""Training one model, epoch by epoch, with the best state kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.data import Data, Split
from experiments.networks.models.ends import has_unit, without_unit
from experiments.recorder import Recorder
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.callbacks import Called
from experiments.training.checkpoint import Checkpoint
from experiments.training.class_losses import adjusted_loss, balanced
from experiments.training.execution import (
    AUTO,
    Evaluation,
    Execution,
    Fit,
    State,
    assign,
    choose,
    cost_of_streaming,
    evaluate,
    is_on_disk,
    mirrored,
    new_execution,
    predict,
    replica_devices,
    values_of,
)
from experiments.training.history import EpochRow, History
from experiments.training.precision import scaled, set_precision
from experiments.training.settings import TrainingSettings

Array = npt.NDArray[Any]

EVALUATION_BATCH = 256
"""Examples per batch in validation and test; it changes the results by rounding alone."""

EXECUTION = "execution"
"""The name under which the choice of ``auto`` is settled."""


@dataclass(frozen=True)
class HeldOutResult:
    """The trained model on the test set, which it has never seen."""

    loss: float
    outputs: Array
    """The saved model's outputs: logits [n, classes], or values [n, 1] in the targets' own unit."""


class Session:
    """A model in training. The seed and the epoch's number decide everything random."""

    def __init__(self, settings: TrainingSettings, data: Data, checkpoint: Checkpoint | None) -> None:
        """Build model and optimizer, in the state of ``checkpoint`` if there is one.

        Raises Refused if the checkpoint is of another model or other data.
        """
        import keras

        self.settings, self.data = settings, data
        set_precision(settings.precision)
        keras.utils.set_random_seed(settings.seed)
        with _replicated(settings.replicas):
            self.model = settings.model.build(data, settings.seed)
            _require_unit(self.model, data, settings.model.name)
            self._learner = without_unit(self.model)
            self._trained = self._learner
            if settings.augmentation.is_on:
                self._trained = settings.augmentation.before(self._learner, settings.seed)
            self._state = State(self.model, self._trained)  # with the seeds of what changes images
            steps = self._steps_per_epoch() * settings.epochs
            self.optimizer = scaled(settings.optimizer.build(steps), settings.precision)
            self.optimizer.build(self._learner.trainable_variables)
        self._loss = settings.loss.build(data.task, None)
        # Targets that are not for training may be as far away as float64 goes.
        self._judge = self._loss if data.task == "classification" else settings.loss.build(data.task, "float64")
        is_rate_taken = settings.optimizer.rate_after([]) is not None
        callbacks = settings.callback.build()
        self.callbacks = Called(callbacks, self._learner, self.optimizer, self._loss, settings.epochs, is_rate_taken)
        self.history = History(settings.execution)
        self._best = values_of(self.model.variables)
        if checkpoint:
            self._restore(checkpoint)

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(math.prod(variable.shape) for variable in self.model.trainable_variables)

    def prepare(self, recorder: Recorder) -> None:
        """Choose the execution if it is ``auto`` and no earlier run has settled it, and compile it."""
        chosen: Execution | None = None

        def fastest() -> str:
            nonlocal chosen
            recorder.progress("execution", 0.0, "which loop is the fastest here?")
            choice = choose(*self._task())
            chosen, self.history.tried = choice.execution, choice.in_words
            return choice.name

        if self.settings.execution == AUTO and is_on_disk(self.data.train.x):
            self.history.execution = Fit.name  # no other can, whatever is settled for data that memory holds
        elif self.history.execution == AUTO:
            self.history.execution = recorder.settled(EXECUTION, fastest)
        name = self.history.execution
        if chosen is None:
            recorder.progress("execution", 0.0, f"compiling {name}")
        self._execution = chosen or new_execution(name, *self._task())
        self._execution.warm_up()
        if is_on_disk(self.data.train.x):
            cost = cost_of_streaming(self._execution)
            self.history.streaming = cost.in_words if cost else "Examples are read from disk while it trains."
        self._validation = Evaluation(*self._judged(self.data.validation))
        self.callbacks.begin()
        recorder.progress("execution", 1.0, name)

    def _task(self) -> tuple[Any, Any, Any, Array, Array, int]:
        train = self.data.train
        y = self._labels(train, "float32")
        return self._trained, self.optimizer, self._minimised(), train.x, y, self.settings.batch_size

    def _minimised(self) -> Any:
        """The loss to minimise: the one that the network is judged by, or with labels smoothed and classes weighted."""
        settings = self.settings
        if not settings.adjusts_classes:
            return self._loss
        is_weighted = settings.class_weights == "balanced"
        weights = balanced(self.data.train.y, self.data.outputs) if is_weighted else None
        return adjusted_loss(settings.label_smoothing, weights)

    def _judged(self, part: Split) -> tuple[Any, Any, Array, Array, int]:
        """What an evaluation needs to judge the model on a part of the data."""
        return self._learner, self._judge, part.x, self._labels(part), min(self._evaluation_batch, len(part.y))

    @property
    def _evaluation_batch(self) -> int:
        """Where memory is scarce, as large a batch as it has to hold in training."""
        return self.settings.batch_size if is_on_disk(self.data.train.x) else EVALUATION_BATCH

    def _labels(self, part: Split, dtype: str = "float64") -> Array:
        """Class numbers [n], or standardised targets [n, 1] in ``dtype``."""
        if self.data.task == "classification":
            return part.y
        return self.data.standardised_targets(part).astype(dtype, copy=False)

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history.rows)

    def train_epoch(self) -> EpochRow:
        """Train for one more epoch and validate the model."""
        number = self.epoch + 1
        self._set_rate()
        self.callbacks.begin_epoch(number)
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
        if self.history.add(row):
            self._best = values_of(self.model.variables)
        self.callbacks.end_epoch(row)
        return row

    def _set_rate(self) -> None:
        """Give the optimizer the learning rate that follows from the validation so far, where it does."""
        rate = self.settings.optimizer.rate_after([row.val_loss for row in self.history.rows])
        if rate is not None:
            self.optimizer.learning_rate = rate

    def restore_best(self) -> None:
        """Give the model the variables of its best epoch."""
        self.callbacks.end()
        assign(self.model.variables, self._best)

    def outputs(self, part: Split) -> Array:
        """Return the model's outputs for a part of the data, see :class:`HeldOutResult`."""
        return predict(self.model, part.x, self._evaluation_batch)

    def test(self) -> HeldOutResult:
        """Evaluate the model on the test set. Raises Refused where its outputs are not finite numbers."""
        outputs = predict(self.model, self.data.test.x, self._evaluation_batch)
        wrong = ~np.isfinite(outputs).all(axis=1)
        if wrong.any():
            raise Refused(
                f"the outputs for {wrong.sum()} of {len(wrong)} test examples are not finite numbers, first for "
                f"example {np.argmax(wrong)}; it may be far from those for training"
            )
        loss, _ = evaluate(*self._judged(self.data.test))
        return HeldOutResult(loss, outputs)

    def checkpoint(self) -> Checkpoint:
        """Return everything that decides how the training continues."""
        return Checkpoint(
            self.epoch,
            self.history.execution,
            self.history.rows,
            self.history.best_epoch,
            self._state.values(),
            values_of(self.optimizer.variables),
            self._best,
            self.data.source,
            self.data.sha256,
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        if checkpoint.source != self.data.source:
            raise Refused(
                f"sweep.resume: the checkpoint learnt other data ({checkpoint.source}; now it is {self.data.source}); "
                "train anew with sweep.resume=false"
            )
        if checkpoint.sha256 not in ("", self.data.sha256):
            raise Refused(
                f"sweep.resume: the checkpoint learnt other data, as the examples of {self.data.source} have changed; "
                "train anew with sweep.resume=false"
            )
        try:
            self._state.restore(checkpoint.model)
            assign(self.optimizer.variables, checkpoint.optimizer)
        except ValueError:
            raise Refused(
                "sweep.resume: the checkpoint is of another model; train anew with sweep.resume=false"
            ) from None
        self._best = checkpoint.best
        self.history = History(
            checkpoint.execution, list(checkpoint.history), checkpoint.best_epoch, resumed_after=checkpoint.epoch
        )

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return the order of the training examples in an epoch, which seed and epoch alone decide."""
        return np.random.default_rng([self.settings.seed, epoch]).permutation(len(self.data.train.y))

    def _steps_per_epoch(self) -> int:
        return -(-len(self.data.train.y) // self.settings.batch_size)


def _require_unit(model: Any, data: Data, name: str) -> None:
    """Raise Refused for a regression's model that does not say in what unit its output is."""
    if data.task == "regression" and not has_unit(model):
        raise Refused(
            f"model={name}: the unit of its output is not known, as build does not end with "
            "experiments.networks.models.ends.end(data, raw, features, name)"
        )


@contextmanager
def _replicated(replicas: int) -> Iterator[None]:
    """Create variables within it on each of ``replicas`` devices."""
    if replicas == 1:
        yield
        return
    with import_tensorflow().device(None), mirrored(replica_devices(replicas)).scope():
        yield
