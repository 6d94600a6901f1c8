"""Checks of a model file's kind and completeness, made before TensorFlow or Keras open it."""

from __future__ import annotations

import json
import stat
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

LARGEST_JSON = 2**26
"""The most bytes of a model's description; a zip archive may hold as much in a few kilobytes."""


class NotLoadable(Refused):
    """A file is not loaded; the message is one line that says which file, and why."""


def require_file(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a file that is not empty."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise NotLoadable(f"{path} is not there ({getattr(error, 'strerror', error)})") from None
    if stat.S_ISDIR(status.st_mode):
        raise NotLoadable(f"{path} is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise NotLoadable(f"{path} is a device or the like, not a file")
    if status.st_size == 0:
        raise NotLoadable(f"{path} is empty")


def require_keras(path: Path) -> None:
    """Raise NotLoadable unless ``path`` is a complete ``.keras`` file without Python code in it."""
    require_file(path)
    _require_beginning(path, ZIP, "a .keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            _require_members(path, archive)
            has_code = _has_code(json.loads(archive.read("config.json")))
    except NotLoadable:
        raise
    except (ValueError, NotImplementedError, RuntimeError) as error:  # no JSON, unknown compression, encrypted
        raise NotLoadable(f"{path} is not a .keras file: {one_line(error)}") from None
    except Exception as error:  # zipfile and zlib raise whatever they stumble over
        raise NotLoadable(f"{path} is cut off or damaged: {one_line(error)}") from None
    if has_code:
        raise NotLoadable(
            f"{path} has Python code in it (a Lambda layer), which could do anything: Keras' safe mode does not load it"
        )


def _require_members(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if missing := [member for member in KERAS_MEMBERS if member not in names]:
        raise NotLoadable(f"{path} is a zip archive, but not one of Keras: there is no {missing[0]} in it")
    for member in names:
        if member.endswith(".json") and archive.getinfo(member).file_size > LARGEST_JSON:
            raise NotLoadable(f"{path}: its {member} has more than {LARGEST_JSON >> 20} MiB, as no model's has")
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
