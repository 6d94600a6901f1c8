"""Saving a trained model in each of Keras' formats."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.networks.saving import checksums
from experiments.networks.saving.layout import FORMATS, files_of

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SavedFile:
    """One format of a saved model."""

    format: str
    path: Path
    """A file; for a SavedModel its version's folder."""
    bytes: int
    seconds: float
    """The time that writing it took."""
    sha256: str


def save(model: keras.Model, folder: Path) -> list[SavedFile]:
    """Write ``model`` to an empty or new folder: ``model.keras``, ``saved_model/1/``, ``model.weights.h5``.

    ``checksums.json`` is written last: a folder without it is incomplete. The SavedModel has the signature
    ``serving_default`` and Keras' endpoint ``serve``, for the dtypes of the model's inputs and batches of any size.
    Raises FileExistsError if the folder is not empty, and whatever Keras raises for a model that it cannot save (for
    example one that has not been built).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} has something in it already: a model is saved to a folder of its own")
    writers = {
        "keras": model.save,
        "saved_model": lambda path: _export(model, path),
        "weights": model.save_weights,
    }
    saved = [_write(name, folder / path, writers[name]) for name, path in FORMATS.items()]
    checksums.write(folder, [file.path for file in saved])
    return saved


def _export(model: keras.Model, path: Path) -> None:
    import tensorflow as tf

    # Without a device: its name would be written into the graph, and the machine that serves it may not have it.
    with tf.device(None):
        model.export(path, format="tf_saved_model", verbose=False)


def _write(name: str, path: Path, write: Callable[[Path], None]) -> SavedFile:
    begun = time.perf_counter()
    write(path)
    seconds = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in files_of(path))
    return SavedFile(name, path, size, seconds, checksums.sha256(path))
