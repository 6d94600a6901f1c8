"""Sets that memory does not hold: examples are read from disk while a network trains, and it learns the same."""

from __future__ import annotations

import gc
import io
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from experiments.experiment import Refused
from experiments.networks.datasets import Csv, Images
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.models import SoftmaxRegression
from experiments.networks.optimizers import Adam
from experiments.networks.preprocessing import Columns
from experiments.testing import MemoryRecorder
from experiments.training import Training
from tests.experiments.shortcuts import only_learning

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


@pytest.fixture
def table(tmp_path: Path) -> Folder:
    """Write a table of so many rows with numbers, categories, and gaps in both; ``kind`` follows from ``x``."""

    def write(count: int) -> Path:
        random = np.random.default_rng(0)
        x = random.normal(1e3, 2, count)
        town = random.choice(["Köln", "Bern", "Rio de Janeiro", ""], count)
        cells = zip(
            (f"{value:.3f}" if row % 7 else "" for row, value in enumerate(x)),
            town,
            (f"{row % 5}" for row in range(count)),
            (("large" if value > 1e3 else "small") if row % 9 else "" for row, value in enumerate(x)),
            strict=True,
        )
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(["x,town,code,kind", *map(",".join, cells)]) + "\n", encoding="utf-8")
        return path

    return write


def _table(path: Path, **fields: Any) -> Csv:
    return Csv(**{"path": str(path), "target": "kind", "categorical": ["code"]} | fields)


def _trained(dataset: Dataset, execution: str) -> MemoryRecorder:
    recorder = MemoryRecorder()
    task = Training(
        SoftmaxRegression(), dataset, Adam(), epochs=2, batch_size=16, execution=execution, check_saved=False,
        registered_name=None,
    )  # fmt: skip
    with only_learning():
        task.run(recorder)
    return recorder


@pytest.mark.parametrize("kind", ["images", "table"])
def test_a_training_from_disk_learns_what_one_from_memory_learns(folder, table, on_device, kind):
    dataset, path = (_images, folder(100)) if kind == "images" else (_table, table(150))
    from_disk = _trained(dataset(path, stream=True), "auto")
    from_memory = _trained(dataset(path, stream=False), "fit")
    for name in ("train/loss", "val/loss", "val/accuracy"):
        assert from_disk.metrics[name, 2] == from_memory.metrics[name, 2]
    # Evaluation takes smaller batches from disk, which changes sums by rounding.
    assert from_disk.metrics["test/loss", 0] == pytest.approx(from_memory.metrics["test/loss", 0], rel=1e-5)
    assert "execution=fit" in from_disk.notes[-1]
    assert "Examples are read from disk while it trains: " in from_disk.notes[-1]
    assert "read from disk" not in from_memory.notes[-1]


@pytest.mark.parametrize("target", ["kind", "x"])
def test_a_table_in_small_parts_on_disk_is_prepared_as_in_one_in_memory(table, monkeypatch, target):
    path = table(300)
    whole = _table(path, target=target).load(seed=0)
    monkeypatch.setattr("experiments.networks.datasets.table.FIRST_ROWS", 7)
    monkeypatch.setattr("experiments.networks.datasets.table.PART_BYTES", 500)
    monkeypatch.setattr("experiments.networks.datasets.kept.BLOCK_BYTES", 300)
    on_disk = _table(path, target=target, stream=True).load(seed=0)
    assert isinstance(whole.preprocessing, Columns)
    assert isinstance(on_disk.preprocessing, Columns)
    for column, expected in zip(on_disk.preprocessing.columns, whole.preprocessing.columns, strict=True):
        assert (column.name, column.categories) == (expected.name, expected.categories)
        assert column.mean == pytest.approx(expected.mean, rel=1e-14)
    np.testing.assert_allclose(on_disk.input_moments.mean, whole.input_moments.mean, rtol=1e-6)
    np.testing.assert_allclose(on_disk.input_moments.deviation, whole.input_moments.deviation, rtol=1e-6)
    for name in ("train", "validation", "test"):
        part, same = getattr(on_disk, name), getattr(whole, name)
        assert isinstance(part.x, np.memmap)
        assert part.x.dtype == same.x.dtype
        np.testing.assert_allclose(part.x, same.x, rtol=1e-6)
        np.testing.assert_array_equal(part.y, same.y)
    assert isinstance(on_disk.test_rows, np.memmap)
    assert on_disk.test_rows.dtype == whole.test_rows.dtype
    assert on_disk.test_rows.tobytes() == whole.test_rows.tobytes()
    assert (on_disk.class_names, on_disk.remarks) == (whole.class_names, whole.remarks)


def test_the_test_set_that_a_run_keeps_is_drawn_from_the_whole_one(folder, on_device, monkeypatch):
    """A folder of its own is listed class by class."""
    monkeypatch.setattr("experiments.training.artifacts.FROM_DISK", 40 * 64)
    path = folder(100)
    recorder = _trained(_images(path, test_path=str(path), stream=True), "fit")
    with np.load(io.BytesIO(recorder.files["test_set.npz"])) as kept:
        assert np.bincount(kept["y"]) == pytest.approx([20, 20], abs=10)
        np.testing.assert_array_equal(kept["x"].mean(axis=(1, 2, 3)) > 127, kept["y"] == 1)


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


def test_memory_decides_where_a_table_is_kept(tmp_path, on_device):
    random, path, limits = np.random.default_rng(0), tmp_path / "mine.csv", resource.getrlimit(resource.RLIMIT_DATA)
    codes = random.integers(0, 100, (10_000, 5))
    lines = [f"{','.join(map(str, row))},{row[0] % 2}" for row in codes.tolist()]
    path.write_text("\n".join(["a,b,c,d,e,kind", *lines]))
    dataset = _table(path, categorical=["a", "b", "c", "d", "e"])
    assert not isinstance(dataset.load(seed=0).train.x, np.memmap)
    try:
        gc.collect()  # what is freed only later, of earlier tests, would be room for the table
        allowed = psutil.Process().memory_info().data + 80_000_000
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, limits[1]))
        data = dataset.load(seed=0)  # 40 MB, which training has several times
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert isinstance(data.train.x, np.memmap)
    assert data.input_shape == (500,)
    code = data.train.x[:, :100].argmax(axis=1)
    numbers = np.array(sorted(map(str, range(100))), dtype=int)[code]  # the categories are in the order of texts
    assert (numbers % 2 == data.train.y).all()


def test_a_folder_for_temporary_files_without_space(folder, on_device, tmp_path, small_disk, monkeypatch):
    path = folder(40)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "small"))
    with (
        small_disk(tmp_path / "small", megabytes=8),
        pytest.raises(Refused, match=r"small has no 0\.2 GB of space for the resized images; .* variable TMPDIR"),
    ):
        _images(path, image_size=[2048, 2048], stream=True).load(seed=0)
