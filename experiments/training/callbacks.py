"""What is called after each epoch: callbacks of Keras, which may watch a training, steer it, or end it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.experiment import Choice, Refused
from experiments.training.history import EpochRow

if TYPE_CHECKING:
    import keras


@dataclass
class Callback(Choice, ABC):
    """Callbacks of Keras. They are told of the training's begin and end, and of each epoch's; not of batches."""

    @abstractmethod
    def build(self) -> Sequence[keras.callbacks.Callback]:
        """Return new callbacks, in the order in which they are called."""


@dataclass
class NoCallback(Callback):
    """None."""

    name: ClassVar[str] = "none"

    def build(self) -> Sequence[keras.callbacks.Callback]:
        return ()


CALLBACKS: tuple[type[Callback], ...] = (NoCallback,)

RATE_IS_TAKEN = (
    "experiment.callback sets the learning rate, which the optimizer's schedule sets already; "
    "say experiment.optimizer.schedule=constant, without a warmup"
)


class Called:
    """A training's callbacks, with the model that they see: one with optimizer, and ``stop_training``."""

    def __init__(
        self, callbacks: Sequence[Any], model: Any, optimizer: Any, loss: Any, epochs: int, is_rate_taken: bool
    ) -> None:
        """Raise Refused for Keras' own callbacks that set the learning rate, where that cannot be.

        ``is_rate_taken`` says that the training sets it before each epoch.
        """
        import keras

        setters = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
        if any(isinstance(callback, setters) for callback in callbacks) and (is_rate_taken or _follows(optimizer)):
            raise Refused(RATE_IS_TAKEN)
        self._optimizer, self._is_rate_taken = optimizer, is_rate_taken and bool(callbacks)
        if callbacks:
            # A shell with the same layers: what is compiled is saved with the optimizer, and the network is not for it.
            model = keras.Model(model.inputs, model.outputs, name=model.name)
            model.compile(optimizer, loss, jit_compile=False)
            model.stop_training = False
        self._model = model
        self._list = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, verbose=0)
        self._are_none = not callbacks

    @property
    def want_to_stop(self) -> bool:
        """Whether one of them has ended the training."""
        return not self._are_none and bool(self._model.stop_training)

    def begin(self) -> None:
        with self._keeping_the_rate():
            self._list.on_train_begin()

    def begin_epoch(self, number: int) -> None:
        """Tell of an epoch, which Keras counts from 0."""
        with self._keeping_the_rate():
            self._list.on_epoch_begin(number - 1)

    def end_epoch(self, row: EpochRow) -> None:
        logs = {
            "loss": row.train_loss,
            "accuracy": row.train_accuracy,
            "val_loss": row.val_loss,
            "val_accuracy": row.val_accuracy,
        }
        with self._keeping_the_rate():
            self._list.on_epoch_end(row.epoch - 1, {name: value for name, value in logs.items() if value is not None})

    def end(self) -> None:
        self._list.on_train_end()

    @contextmanager
    def _keeping_the_rate(self) -> Iterator[None]:
        """Raise Refused where a callback sets the learning rate, and another hand sets it as well."""
        before = self._rate()
        try:
            yield
        except TypeError as error:  # Keras' own, of an optimizer that follows a schedule
            if "LearningRateSchedule" not in str(error):
                raise
            raise Refused(RATE_IS_TAKEN) from error
        if self._rate() != before:
            raise Refused(RATE_IS_TAKEN)

    def _rate(self) -> float | None:
        """The learning rate, where the training sets it before each epoch."""
        return float(self._optimizer.learning_rate) if self._is_rate_taken else None


def _follows(optimizer: Any) -> bool:
    """Tell whether an optimizer follows a schedule of Keras, which nobody can set."""
    try:
        optimizer.learning_rate = optimizer.learning_rate
    except TypeError:
        return True
    return False
