"""Training on a dataset in memory or from disk, in a process of its own, for benchmarks/streaming.py.

Arguments: a case of CASES, the folder with its files, the number of training examples, ``resident`` or ``streamed``,
and the execution. After a warm-up the process trains one epoch for each line on standard input and prints the seconds
that it took.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.networks.datasets import Csv, Images
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.models import Cnn, Mlp, SoftmaxRegression
from experiments.networks.models.model import Model
from experiments.runtime import device
from experiments.training.execution import AUTO, choose, is_on_disk, new_execution

BATCH = 128
TABLE = "table.csv"


@dataclass(frozen=True)
class Case:
    """Files, the dataset that reads them, and a network that learns it."""

    title: str
    write: Callable[[Path, int], None]
    """Write so many examples into a folder."""
    dataset: Callable[..., Dataset]
    model: type[Model]
    count: int = 4000


def write_images(folder: Path, count: int) -> None:
    """Write PNG files of 64 x 64 in colour, of two classes: those of ``dark`` are darker."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / ("dark", "light")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = random.integers(0, 156, (64, 64, 3)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def images(folder: str, **fields: Any) -> Dataset:
    return Images(path=folder, image_size=[64, 64], **fields)


def write_table(folder: Path, count: int) -> None:
    """Write a table of 50 columns of numbers and a target of two classes."""
    x = np.random.default_rng(0).standard_normal((count, 50))
    columns = [f"x{number}" for number in range(x.shape[1])]
    cells = np.column_stack([x, x[:, :2].sum(axis=1) > 0])
    np.savetxt(folder / TABLE, cells, "%.6g", ",", header=",".join([*columns, "kind"]), comments="")


def table(folder: str, **fields: Any) -> Dataset:
    return Csv(path=str(Path(folder, TABLE)), target="kind", **fields)


CASES = {
    "images-softmax": Case("images, 64 x 64 in colour", write_images, images, SoftmaxRegression),
    "images-cnn": Case("images, 64 x 64 in colour", write_images, images, Cnn),
    "table-mlp": Case("a table of 50 numbers", write_table, table, Mlp, count=40_000),
}


def main() -> None:
    case, folder, count, where, execution_name = CASES[sys.argv[1]], *sys.argv[2:]
    device.start(device.Device(kind="cpu"))
    import keras

    shares = {"validation_share": 0.05, "test_share": 0.05, "limit": int(count)}
    data = case.dataset(folder, stream=where == "streamed", **shares).load(seed=0)
    assert (len(data.train.y), is_on_disk(data.train.x)) == (int(count), where == "streamed")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    task = (case.model().build(data, 0), keras.optimizers.Adam(1e-3), loss, data.train.x, data.train.y, BATCH)
    execution = choose(*task).execution if execution_name == AUTO else new_execution(execution_name, *task)
    rng = np.random.default_rng(0)
    execution.warm_up()
    execution.run_epoch(rng.permutation(int(count)))
    print("ready", execution.name, flush=True)
    for _ in sys.stdin:
        print(execution.run_epoch(rng.permutation(int(count))).seconds, flush=True)


if __name__ == "__main__":
    main()
