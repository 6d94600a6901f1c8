"""Checks of a model file's kind and completeness, made before TensorFlow or Keras open it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from experiments.experiment import Refused
from experiments.networks.saving import foreign
from experiments.networks.saving.layout import HDF5, ZIP
from experiments.reporting.text import one_line

KINDS = {
    ZIP: "a zip archive",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy array",
    b"\x7fELF": "a program",
    b"\x80": "a Python pickle",  # from protocol 2 on: the opcode PROTO
    b"<": "a web page or XML",
    b"{": "a JSON text",
}
"""First bytes of a file -> its kind."""

KERAS_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


class NotLoadable(Refused):
    """A file is not loaded; the message is one line that says which file, and why."""


def require_file(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a file that is not empty."""
    if path.is_dir():
        raise NotLoadable(f"{path} is a folder, not a file")
    if not path.exists():
        raise NotLoadable(f"{path} is not there")
    if path.stat().st_size == 0:
        raise NotLoadable(f"{path} is empty")


def require_keras(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a complete ``.keras`` file without Python code in it."""
    require_file(path)
    _require_beginning(path, ZIP, "a .keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            _require_members(path, archive)
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise NotLoadable(f"{path} is cut off or damaged: {one_line(error)}") from None
    except (ValueError, NotImplementedError, RuntimeError) as error:  # no JSON, unknown compression, encrypted
        raise (
            error if isinstance(error, NotLoadable) else NotLoadable(f"{path} is not a .keras file: {one_line(error)}")
        ) from None
    if _has_code(config):
        raise NotLoadable(
            f"{path} has Python code in it (a Lambda layer), which could do anything: Keras' safe mode does not load it"
        )


def _require_members(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if missing := [member for member in KERAS_MEMBERS if member not in names]:
        raise NotLoadable(f"{path} is a zip archive, but not one of Keras: there is no {missing[0]} in it")
    if damaged := archive.testzip():
        raise NotLoadable(f"{path} is damaged: the checksum of its {damaged} is wrong")


def require_hdf5(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a complete HDF5 file."""
    import h5py

    require_file(path)
    _require_beginning(path, HDF5, "a weights file")
    try:
        h5py.File(path, "r").close()
    except (OSError, RuntimeError) as error:
        raise NotLoadable(f"{path} is cut off or damaged: {one_line(error)}") from None


def require_saved_model(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a folder with the files of a SavedModel."""
    if not path.is_dir():
        raise NotLoadable(f"{path} is not there" if not path.exists() else f"{path} is not the folder of a SavedModel")
    for needed in ("saved_model.pb", "variables/variables.index"):
        if not (path / needed).is_file():
            raise NotLoadable(f"{path} is not a whole SavedModel: there is no {needed} in it")


def _require_beginning(path: Path, beginning: bytes, what: str) -> None:
    with path.open("rb") as file:
        start = file.read(16)
    if not start.startswith(beginning):
        kind = next((kind for first, kind in KINDS.items() if start.startswith(first)), "")
        if start.startswith(HDF5):  # as Keras 2 wrote under any name
            kind = foreign.hdf5(path)
        raise NotLoadable(f"{path} is not {what}{': it is ' if kind else ''}{kind}")


def _has_code(config: Any) -> bool:
    """Tell whether a model's config holds a marshalled lambda anywhere, as Keras writes it."""
    if isinstance(config, dict):
        return config.get("class_name") == "__lambda__" or any(map(_has_code, config.values()))
    return isinstance(config, list) and any(map(_has_code, config))
