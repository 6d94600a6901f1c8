"""A training on a set that is four times as large as the memory that its job may take."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.conftest import run_command
from tests.reading import runs

MEMORY_GB, SIDE = 0.6, 512


def test_a_set_four_times_larger_than_the_memory_of_its_job(tmp_path, store):
    random = np.random.default_rng(0)
    count = int(4 * MEMORY_GB * 1e9 / SIDE**2) + 1  # a byte for each pixel
    for number in range(count):  # small files, which the training enlarges
        path = tmp_path / "images" / ("dark", "light")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 156, (8, 8)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    done = run_command(
        "-m", "runner", "tracking.dir=store", "-m", "experiment=training", "device=cpu", "dataset=images",
        "experiment.dataset.path=images", f"experiment.dataset.image_size=[{SIDE},{SIDE}]",
        "experiment.dataset.color_mode=grayscale", "model=softmax_regression", "experiment.epochs=1",
        "experiment.batch_size=8", "experiment.check_saved=false", f"hydra.launcher.memory_gb={MEMORY_GB}",
        cwd=tmp_path, timeout=600,
    )  # fmt: skip
    assert done.status == 0, done.out + done.err
    (training,) = [run for run in runs(store, "training") if "test/accuracy" in run.data.metrics]
    assert training.data.metrics["test/accuracy"] > 0.99
    assert "Examples are read from disk while it trains" in training.data.tags["mlflow.note.content"]
