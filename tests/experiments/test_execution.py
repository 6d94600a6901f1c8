"""Every execution trains the same network the same way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.networks.optimizers import Sgd
from experiments.runtime import device
from experiments.training.class_losses import adjusted_loss, balanced
from experiments.training.execution import Evaluation, State, choose, evaluate, new_execution, predict
from experiments.training.execution.execution import Execution, Task
from experiments.training.execution.fastest import fastest
from experiments.training.execution.fit import Fit
from tests.waiting import PATIENCE

ONE_BY_ONE = ("fit", "epoch", "epoch_xla")
EXAMPLES, BATCH = 80, 32  # the last batch has 16
ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.usefixtures("on_device")


class Example:
    """A network to train, always from the same start."""

    def __init__(self, model: Any, classes: bool = True, optimizer: Any = None) -> None:
        import keras

        rng = np.random.default_rng(1)
        self.model = model
        self.optimizer = optimizer or keras.optimizers.Adam(1e-2)
        self.x = rng.standard_normal((EXAMPLES, *model.input_shape[1:])).astype("float32")
        self.y = rng.integers(0, 4, EXAMPLES) if classes else rng.standard_normal((EXAMPLES, 1)).astype("float32")
        self.loss = (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else keras.losses.MeanSquaredError()
        )

    def execution(self, name: str) -> Execution:
        return new_execution(name, self.model, self.optimizer, self.loss, self.x, self.y, BATCH)

    @property
    def state(self) -> State:
        return State(self.model, self.optimizer)


def mlp() -> Example:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    hidden = layers.Dense(32, "relu", kernel_regularizer=keras.regularizers.L2(1e-2))
    return Example(keras.Sequential([layers.Input((12,)), hidden, layers.Dropout(0.4), layers.Dense(4)]))


def cnn() -> Example:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    convolution = [
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
    ]
    return Example(keras.Sequential([layers.Input((10, 10, 1)), *convolution, layers.Flatten(), layers.Dense(4)]))


def regression() -> Example:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.9)
    model = keras.Sequential([layers.Input((5,)), layers.Dense(16, "tanh"), layers.Dense(1)])
    return Example(model, classes=False, optimizer=keras.optimizers.SGD(schedule, momentum=0.9, clipnorm=1.0))


def embedding() -> Example:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inner = [layers.Embedding(7, 6), layers.GlobalAveragePooling1D(), layers.Dense(4)]
    example = Example(keras.Sequential([layers.Input((9,), dtype="int32"), *inner]))
    example.x = np.random.default_rng(1).integers(0, 7, example.x.shape)
    return example


def adjusted() -> Example:
    """Smoothed labels, classes with weights, a rate that rises and falls in steps, gradients that are clipped."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    optimizer = Sgd(0.1, schedule="step", warmup=0.3, clip_norm=0.5).build(9)
    example = Example(
        keras.Sequential([layers.Input((5,)), layers.Dense(16, "tanh"), layers.Dense(4)]), optimizer=optimizer
    )
    example.loss = adjusted_loss(0.1, balanced(example.y, 4))
    return example


EXAMPLE_NETWORKS = (mlp, cnn, regression, embedding, adjusted)


def orders(epochs: int = 3) -> list[Any]:
    return [np.random.default_rng(epoch).permutation(EXAMPLES) for epoch in range(epochs)]


@dataclass(frozen=True)
class Trained:
    """Three epochs of a network."""

    losses: list[float]
    accuracies: list[float | None]
    first: list[Any]
    """All variables after the first epoch."""
    last: list[Any]
    steps: int


def train(example: Example, name: str) -> Trained:
    execution = example.execution(name)
    epochs, variables = [], []
    for order in orders():
        epochs.append(execution.run_epoch(order))
        variables.append(example.state.values())
    losses, accuracies = [epoch.loss for epoch in epochs], [epoch.accuracy for epoch in epochs]
    return Trained(losses, accuracies, variables[0], variables[-1], int(example.optimizer.iterations))


@cache
def trained(network: Callable[[], Example], name: str) -> Trained:
    """Once for all tests: most of the time is compiling."""
    return train(network(), name)


@pytest.mark.parametrize("name", ONE_BY_ONE[1:])
@pytest.mark.parametrize("network", EXAMPLE_NETWORKS)
def test_every_execution_gives_the_same_curve_and_variables(network: Callable[[], Example], name: str) -> None:
    fit, other = trained(network, "fit"), trained(network, name)
    np.testing.assert_allclose(other.losses, fit.losses, rtol=1e-4)
    assert other.steps == fit.steps == 9
    if fit.accuracies[0] is None:
        assert other.accuracies == [None] * 3
    else:
        np.testing.assert_allclose(other.accuracies, fit.accuracies, atol=1.5 / EXAMPLES)
    for value, other_value in zip(fit.last, other.last, strict=True):
        np.testing.assert_allclose(other_value, value, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_a_repetition_is_identical_to_the_bit(name: str) -> None:
    first, second = trained(cnn, name), train(cnn(), name)
    assert first.losses == second.losses
    assert_identical(first.last, second.last)


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_training_goes_on_from_a_state_as_if_it_had_not_stopped(name: str) -> None:
    whole, resumed = trained(mlp, name), mlp()
    execution = resumed.execution(name)
    resumed.state.restore(whole.first)
    execution.warm_up()
    assert_identical(resumed.state.values(), whole.first)
    assert [execution.run_epoch(order).loss for order in orders()[1:]] == whole.losses[1:]
    assert_identical(resumed.state.values(), whole.last)


def assert_identical(values: list[Any], others: list[Any]) -> None:
    for value, other in zip(values, others, strict=True):
        np.testing.assert_array_equal(value, other)


def test_dropout_goes_on_by_a_variable_of_the_state() -> None:
    example = mlp()
    assert any("seed_generator_state" in variable.path for variable in example.state.variables)


def test_auto_changes_nothing_and_trains_like_what_it_chose() -> None:
    example = mlp()
    example.optimizer.build(example.model.trainable_variables)
    before = example.state.values()
    choice = choose(example.model, example.optimizer, example.loss, example.x, example.y, BATCH)
    assert_identical(before, example.state.values())
    assert not example.model.compiled

    assert tuple(candidate.name for candidate in choice.candidates) == ONE_BY_ONE
    rates = {c.name: c.examples_per_s for c in choice.candidates if c.examples_per_s > 0}
    assert choice.name == max(rates, key=lambda name: rates[name])
    assert [choice.execution.run_epoch(order).loss for order in orders()] == trained(mlp, choice.name).losses


def test_xla_is_refused_where_it_would_draw_other_numbers() -> None:
    from keras import Sequential, layers

    example = Example(Sequential([layers.Input((5,)), layers.GaussianNoise(0.1), layers.Dense(4)]))
    with pytest.raises(Refused, match="StatelessRandomNormal"):
        example.execution("epoch_xla")


def test_auto_leaves_out_what_fails() -> None:
    class Broken(Fit):
        name = "broken"

        def _train(self, order: Any) -> Any:
            self.task.model.weights[0].assign_add(np.ones(self.task.model.weights[0].shape))
            raise ValueError("not on this device\nand more")

    example = mlp()
    task = Task(example.model, example.optimizer, example.loss, example.x, example.y, BATCH)
    before = task.state.values()
    chosen = fastest([Broken, Fit], task)
    assert chosen.name == "fit"
    assert chosen.candidates[0].problem == "ValueError: not on this device"
    assert_identical(before, task.state.values())

    with pytest.raises(Refused, match="broken: ValueError: not on this device"):
        fastest([Broken], task)


@pytest.mark.parametrize("network", [mlp, regression])
def test_evaluation_says_what_keras_says(network: Callable[[], Example]) -> None:
    example = network()
    loss, accuracy = evaluate(example.model, example.loss, example.x, example.y, BATCH)
    outputs = predict(example.model, example.x, BATCH)
    np.testing.assert_allclose(outputs, example.model.predict(example.x, verbose=0), rtol=1e-5, atol=1e-6)
    metrics = ["accuracy"] if accuracy is not None else None
    example.model.compile(loss=example.loss, metrics=metrics)
    expected = np.atleast_1d(example.model.evaluate(example.x, example.y, batch_size=BATCH, verbose=0))
    assert loss == pytest.approx(expected[0], rel=1e-5)
    assert accuracy == (pytest.approx(expected[1]) if accuracy is not None else None)


def test_an_evaluation_is_of_the_model_as_it_is_now() -> None:
    example = mlp()
    evaluation = Evaluation(example.model, example.loss, example.x, example.y, BATCH)
    before, _ = evaluation()
    train(example, "epoch")
    assert evaluation()[0] < before


def test_fewer_examples_than_a_batch() -> None:
    losses = []
    for name in ONE_BY_ONE:
        example = mlp()
        task = (example.model, example.optimizer, example.loss, example.x[:7], example.y[:7], BATCH)
        execution = new_execution(name, *task)
        execution.warm_up()
        losses.append(execution.run_epoch(np.arange(7)).loss)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-4)


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_mixed_precision_is_the_policy_of_the_layers(name: str) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    policy = "mixed_float16"
    inner = [layers.Dense(8, "relu", dtype=policy), layers.Dense(4, dtype=policy)]
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=128.0)
    example = Example(keras.Sequential([layers.Input((6,)), *inner]), optimizer=scaled)
    losses = train(example, name).losses
    assert losses[2] < losses[0] < 5
    assert example.model.layers[0].kernel.dtype == "float32"


TWO_DEVICES = """
import os
import numpy as np
from experiments.runtime import device
device.start(device.Device(kind="cpu", logical_cpus=2))
import keras
from experiments.experiment import Refused
from experiments.training.execution import mirrored, new_execution, State

def curve(name, devices):
    strategy = mirrored(devices)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)])
        optimizer = keras.optimizers.Adam(1e-2)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 6)).astype("float32"), rng.integers(0, 3, 64)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    execution = new_execution(name, model, optimizer, loss, x, y, 16)
    assert execution.name == "fit"
    execution.warm_up()
    return [execution.run_epoch(rng.permutation(64)).loss for _ in range(3)], int(optimizer.iterations.numpy())

both = curve("auto", ["CPU:0", "CPU:1"])
alone = curve("fit", ["CPU:0"])
assert both[1] == alone[1] == 12
np.testing.assert_allclose(both[0], alone[0], rtol=1e-4)
try:
    curve("epoch", ["CPU:0", "CPU:1"])
except Refused as refused:
    assert "execution=fit" in str(refused)
else:
    raise AssertionError("trained on several devices")
os._exit(0)  # as workers end
"""


def test_two_devices_train_like_one() -> None:
    """TensorFlow crashed in two of some hundred such processes: no word on the training, so another one is asked."""
    command = [sys.executable, "-X", "faulthandler", "-c", TWO_DEVICES]
    for _ in range(3):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != -signal.SIGSEGV:
            break
    crash = done.stderr.find("Fatal Python error")
    assert done.returncode == 0, done.stderr[crash:][:4000] if crash >= 0 else done.stderr[-2000:]


def test_libraries_may_use_the_cpu_for_what_a_gpu_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on an H100: pinned to the GPU, the data pipeline of model.fit has no kernel to run on."""
    import tensorflow as tf

    gpu = device.Placement("/device:GPU:0", "GPU:0", "a pretended card")
    with monkeypatch.context() as pretended, tf.device(gpu.scope):
        pretended.setattr(device, "_current", gpu)
        with pytest.raises(tf.errors.InvalidArgumentError, match="GPU:0"):
            tf.data.Dataset.range(3)
        with device.scope_of_libraries():
            assert [int(number) for number in tf.data.Dataset.range(3)] == [0, 1, 2]
