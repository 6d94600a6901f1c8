"""Losses and Keras callbacks of one's own in a training."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from experiments.experiment import Refused
from experiments.networks.datasets import Diabetes, Iris
from experiments.networks.models import SoftmaxRegression
from experiments.networks.models.model import Model
from experiments.networks.optimizers import Adam
from experiments.testing import MemoryRecorder
from experiments.training import Training
from experiments.training.callbacks import Callback
from experiments.training.losses import Loss
from tests.experiments.shortcuts import only_learning


def _trained(dataset: Any, **fields: Any) -> MemoryRecorder:
    recorder = MemoryRecorder()
    task = Training(
        SoftmaxRegression(), dataset, batch_size=16, check_saved=False, registered_name=None,
        **{"epochs": 4, "optimizer": Adam(schedule="constant")} | fields,
    )  # fmt: skip
    with only_learning():
        task.run(recorder)
    return recorder


@dataclass
class Watching(Callback):
    """Notes what it is told, makes training stand still from the second epoch on, and ends it with the third."""

    name: ClassVar[str] = "watching"
    told: ClassVar[list[Any]] = []

    def build(self) -> Any:
        import keras

        def begin(epoch: int, logs: Any) -> None:
            self.told.append(epoch)
            callback.model.optimizer.learning_rate = 0.0 if epoch else 0.01

        def end(epoch: int, logs: Any) -> None:
            self.told.append(sorted(logs))
            callback.model.stop_training = epoch == 2

        callback = keras.callbacks.LambdaCallback(
            on_train_begin=lambda _: self.told.append("begin"), on_train_end=lambda _: self.told.append("end"),
            on_epoch_begin=begin, on_epoch_end=end,
        )  # fmt: skip
        return [callback]


@pytest.mark.parametrize("execution", ["fit", "epoch"])
def test_a_callback_watches_steers_and_ends_a_training(on_device, execution):
    Watching.told.clear()
    recorder = _trained(Iris(), callback=Watching(), execution=execution, epochs=9)
    logs = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert Watching.told == ["begin", 0, logs, 1, logs, 2, logs, "end"]
    assert recorder.steps("val/loss") == [1, 2, 3]
    assert recorder.metrics["val/loss", 1] == recorder.metrics["val/loss", 3]
    assert "3 epochs (ended by callback=watching)" in recorder.notes[-1]


@dataclass
class WithoutUnit(Model):
    """A network of one's own that says nothing of its output."""

    name: ClassVar[str] = "without_unit"

    def build(self, data: Any, seed: int) -> Any:
        import keras

        raw = keras.Input(data.input_shape)
        return keras.Model(raw, keras.layers.Dense(1)(raw))


def test_a_regression_in_an_unknown_unit_is_refused(on_device):
    with pytest.raises(Refused, match="model=without_unit: the unit of its output is not known"):
        Training(WithoutUnit(), Diabetes(), Adam(), registered_name=None).run(MemoryRecorder())


@dataclass
class Patient(Callback):
    """One of Keras' own, which leaves the learning rate alone."""

    name: ClassVar[str] = "patient"

    def build(self) -> Any:
        import keras

        return [keras.callbacks.EarlyStopping(patience=1)]


def test_what_a_callback_sees_is_not_what_is_saved(on_device):
    """With a warm-up, Keras cannot save an optimizer that belongs to the network."""
    recorder = MemoryRecorder()
    Training(
        SoftmaxRegression(), Iris(), batch_size=16, check_saved=False, registered_name=None, epochs=2,
        optimizer=Adam(warmup=0.5), callback=Patient(),
    ).run(recorder)  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(recorder.files["model.keras"])) as file:
        assert b"Adam" not in file.read("config.json")


@dataclass
class Halving(Callback):
    """The example of docs/training.md."""

    name: ClassVar[str] = "halving"

    def build(self) -> Any:
        import keras

        return [keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=1e9)]


def test_a_callback_lowers_a_constant_learning_rate(on_device):
    plain, halved = _trained(Iris()), _trained(Iris(), callback=Halving())
    assert halved.metrics["val/loss", 2] == plain.metrics["val/loss", 2]
    assert halved.metrics["val/loss", 4] != plain.metrics["val/loss", 4]


@pytest.mark.parametrize(
    ("callback", "settings"),
    [
        (Halving(), {"schedule": "cosine"}),
        (Halving(), {"schedule": "plateau"}),
        (Halving(), {"schedule": "constant", "warmup": 0.1}),
        (Watching(), {"schedule": "cosine"}),  # nobody knows before that it sets the rate
        (Watching(), {"schedule": "plateau"}),
    ],
)
def test_a_callback_that_sets_a_learning_rate_that_follows_a_schedule(on_device, callback, settings):
    with pytest.raises(Refused, match=r"experiment\.callback sets the learning rate.* say .*schedule=constant"):
        _trained(Iris(), callback=callback, optimizer=Adam(**settings), execution="epoch")


@dataclass
class Doubled(Loss):
    """Twice the usual loss."""

    name: ClassVar[str] = "doubled"

    def build(self, task: Any, dtype: str | None) -> Any:
        import keras

        class Twice(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
            def call(self, truth: Any, said: Any) -> Any:
                if task == "classification":
                    return 2 * keras.losses.sparse_categorical_crossentropy(truth, said, from_logits=True)
                return 2 * keras.losses.mean_squared_error(truth, said)

        return Twice(dtype=dtype)


@pytest.mark.parametrize("execution", ["fit", "epoch"])
@pytest.mark.parametrize("dataset", [Iris(), Diabetes()])
def test_a_loss_of_one_s_own(on_device, dataset, execution):
    """Adam takes the same steps for twice the loss, but for its epsilon; the penalty of the model is not doubled."""
    plain = _trained(dataset, execution=execution, epochs=1)
    doubled = _trained(dataset, execution=execution, epochs=1, loss=Doubled())
    assert doubled.metrics["val/loss", 1] == pytest.approx(2 * plain.metrics["val/loss", 1], rel=0.05)
    for name in ("train/accuracy", "val/accuracy"):
        assert ((name, 1) in doubled.metrics) == ((name, 1) in plain.metrics)
