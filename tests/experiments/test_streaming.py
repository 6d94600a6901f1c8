"""Sets that memory does not hold: images are read from disk while a network trains, and it learns the same."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from experiments.experiment import Refused
from experiments.networks.datasets import Images
from experiments.networks.models import SoftmaxRegression
from experiments.networks.optimizers import Adam
from experiments.testing import MemoryRecorder
from experiments.training import Training

Folder = Callable[[int], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Make a folder of so many small images: those of ``dark`` are darker."""

    def make(count: int) -> Path:
        random = np.random.default_rng(0)
        for number in range(count):
            path = tmp_path / "images" / ("dark", "light")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 156, (9, 7), dtype=np.uint8) + 100 * (number % 2)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
        return tmp_path / "images"

    return make


def _images(folder: Path, **fields: Any) -> Images:
    return Images(**{"path": str(folder), "image_size": [8, 8], "color_mode": "grayscale"} | fields)


def _trained(dataset: Images, execution: str) -> MemoryRecorder:
    recorder = MemoryRecorder()
    Training(
        SoftmaxRegression(), dataset, Adam(), epochs=2, batch_size=16, execution=execution, check_saved=False,
        registered_name=None,
    ).run(recorder)  # fmt: skip
    return recorder


def test_a_training_from_disk_learns_what_one_from_memory_learns(folder, on_device):
    path = folder(100)
    from_disk = _trained(_images(path, stream=True), "auto")
    from_memory = _trained(_images(path, stream=False), "fit")
    for name in ("train/loss", "val/loss", "val/accuracy"):
        assert from_disk.metrics[name, 2] == from_memory.metrics[name, 2]
    # Evaluation takes smaller batches from disk, which changes sums by rounding.
    assert from_disk.metrics["test/loss", 0] == pytest.approx(from_memory.metrics["test/loss", 0], rel=1e-5)
    assert "execution=fit" in from_disk.notes[-1]
    assert "Examples are read from disk while it trains: " in from_disk.notes[-1]
    assert "read from disk" not in from_memory.notes[-1]


def test_whole_epochs_need_all_examples_in_memory(folder, on_device):
    with pytest.raises(Refused, match="execution=epoch needs all examples in memory"):
        _trained(_images(folder(100), stream=True), "epoch")


def test_memory_decides_where_images_are_kept(folder, on_device):
    path, limits = folder(40), resource.getrlimit(resource.RLIMIT_DATA)
    assert not isinstance(_images(path).load(seed=0).train.x, np.memmap)
    try:
        allowed = psutil.Process().memory_info().data + 150_000_000
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, limits[1]))
        data = _images(path, image_size=[1024, 1024]).load(seed=0)  # 42 MB, which training has several times
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert isinstance(data.train.x, np.memmap)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [28, 4, 8]
    brightness = data.train.x.mean(axis=(1, 2, 3))
    assert ((brightness > 127) == (data.train.y == 1)).all()


def test_a_folder_for_temporary_files_without_space(folder, on_device, tmp_path, small_disk, monkeypatch):
    path = folder(40)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "small"))
    with (
        small_disk(tmp_path / "small", megabytes=8),
        pytest.raises(Refused, match=r"small has no 0\.2 GB of space for the resized images; .* variable TMPDIR"),
    ):
        _images(path, image_size=[2048, 2048], stream=True).load(seed=0)
