"""A training on a set that is four times as large as the memory that its job may take."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.conftest import run_command
from tests.reading import runs

MEMORY_GB, SIDE = 0.6, 512
COLUMNS, CATEGORIES = 10, 100


def test_images_four_times_larger_than_the_memory_of_their_job(tmp_path, store):
    random = np.random.default_rng(0)
    count = int(4 * MEMORY_GB * 1e9 / SIDE**2) + 1  # a byte for each pixel
    for number in range(count):  # small files, which the training enlarges
        path = tmp_path / "images" / ("dark", "light")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 156, (8, 8)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    _train(
        tmp_path, store, "dataset=images", "experiment.dataset.path=images", "experiment.batch_size=8",
        f"experiment.dataset.image_size=[{SIDE},{SIDE}]", "experiment.dataset.color_mode=grayscale",
    )  # fmt: skip


def test_a_table_four_times_larger_than_the_memory_of_its_job(tmp_path, store):
    """A small file, which the training enlarges: each category becomes a number, first of 8 bytes, then of 4."""
    random = np.random.default_rng(0)
    count = int(4 * MEMORY_GB * 1e9 / (8 * COLUMNS * CATEGORIES)) + 1
    names = [f"c{number}" for number in range(COLUMNS)]
    cells = random.integers(0, CATEGORIES, (count, COLUMNS + 1))
    cells[:, -1] = cells[:, 0] >= CATEGORIES // 2
    np.savetxt(tmp_path / "mine.csv", cells, "%d", ",", header=",".join([*names, "kind"]), comments="")
    _train(
        tmp_path, store, "dataset=csv", "experiment.dataset.path=mine.csv", "experiment.dataset.target=kind",
        f"experiment.dataset.categorical=[{','.join(names)}]", "experiment.batch_size=1024",
    )  # fmt: skip


def _train(folder, store, *words):
    done = run_command(
        "-m", "runner", "tracking.dir=store", "-m", "experiment=training", "device=cpu", *words,
        "model=softmax_regression", "experiment.epochs=1", "experiment.check_saved=false",
        f"hydra.launcher.memory_gb={MEMORY_GB}",
        cwd=folder,
    )  # fmt: skip
    assert done.status == 0, done.out + done.err
    (training,) = [run for run in runs(store, "training") if "test/accuracy" in run.data.metrics]
    assert training.data.metrics["test/accuracy"] > 0.99
    assert "Examples are read from disk while it trains" in training.data.tags["mlflow.note.content"]
