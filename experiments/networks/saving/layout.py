"""The paths of a saved model's files."""

from __future__ import annotations

from pathlib import Path

from experiments.recorder import MODEL_FILE

KERAS, SAVED_MODEL, WEIGHTS = MODEL_FILE, "saved_model", "model.weights.h5"

VERSION = "1"
"""TensorFlow Serving watches ``saved_model`` and serves the folder in it with the highest number."""

CHECKSUMS = "checksums.json"

ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
"""The first bytes of a ``.keras`` file, and of a ``.h5`` file."""

FORMATS = {
    "keras": Path(KERAS),
    "saved_model": Path(SAVED_MODEL, VERSION),
    "weights": Path(WEIGHTS),
}
"""Format -> its path relative to the folder of a saved model."""


def files_of(path: Path) -> list[Path]:
    """Return the files of one format in a fixed order: the file itself, or all files below the folder."""
    return sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
