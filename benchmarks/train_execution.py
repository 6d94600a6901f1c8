"""Training with one execution in a process of its own, for benchmarks/training.py.

Arguments: the network (mlp or cnn), the number of examples, the batch size, the execution and, if it is to be a GPU,
gpu. After a warm-up the process trains one epoch for each line on standard input and prints the seconds that it took.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from experiments.runtime import device
from experiments.training.execution import AUTO, choose, new_execution


def main() -> None:
    name, count, batch, execution_name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    device.start(device.Device(kind="gpu" if sys.argv[5:] == ["gpu"] else "cpu"))
    import keras

    rng = np.random.default_rng(0)
    model = network(name)
    x = rng.standard_normal((count, *model.input_shape[1:])).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    task = (model, keras.optimizers.Adam(1e-3), loss, x, rng.integers(0, 10, count), batch)
    if execution_name == AUTO:
        choice = choose(*task)
        tried = "; ".join(f"{name}: {words}" for name, words in choice.in_words.items())
        execution, told = choice.execution, f"{choice.name} ({tried})"
    else:
        execution, told = new_execution(execution_name, *task), ""
    execution.warm_up()
    execution.run_epoch(rng.permutation(count))
    print("ready", told, flush=True)
    for _ in sys.stdin:
        print(execution.run_epoch(rng.permutation(count)).seconds, flush=True)


def network(name: str) -> Any:
    """Return the MLP 784-256-128-10, or the CNN with two convolutions and one hidden layer."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    if name == "mlp":
        return keras.Sequential(
            [layers.Input((784,)), layers.Dense(256, "relu"), layers.Dense(128, "relu"), layers.Dense(10)]
        )
    convolution = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()]
    convolution += [layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D()]
    dense = [layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10)]
    return keras.Sequential([layers.Input((28, 28, 1)), *convolution, *dense])


if __name__ == "__main__":
    main()
