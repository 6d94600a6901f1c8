"""Models that are no ``.keras`` file of this Keras: what they are, and how they become one. Imports neither library."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path

from experiments.networks.saving.layout import HDF5, KERAS

KERAS_VERSION = re.compile(rb'"keras_version": ?"([\w.+-]+)"')
TENSORFLOW_VERSION = re.compile(rb"\x2a.(\d+\.\d+\.\d+[\w.-]*)\x32", re.DOTALL)
"""Field 5 of a SavedModel's MetaInfoDef, with field 6 behind it."""

SEARCHED_BYTES = 2**25
"""Versions are looked for in so many bytes at a file's beginning."""

SAVE = f"save it with model.save('{KERAS}')"
FROM_KERAS_2 = "save it as model.h5 with Keras 2 (the package tf_keras), and name that file here"


def described(path: Path) -> str:
    """Say in one line what a file or folder without a ``.keras`` file is, and what to do about it."""
    if path.is_dir():
        folder = next(_saved_models(path), None)
        return f"the folder {path} has no {KERAS}; {SAVE}" if folder is None else f"{path} is {_saved_model(folder)}"
    with path.open("rb") as file:
        is_hdf5 = file.read(len(HDF5)) == HDF5
    return f"{path} is {hdf5(path)}" if is_hdf5 else f"{path} is not a .keras file; {SAVE}"


def hdf5(path: Path) -> str:
    """Say what an HDF5 file is, and what to do about it."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            version, has_layers = file.attrs.get("keras_version"), "model_config" in file.attrs
    except (OSError, RuntimeError):
        return "an HDF5 file"
    if not has_layers:
        return f"an HDF5 file without a model's layers, of weights perhaps; load them into their model, and {SAVE}"
    name = path if path.suffix in (".h5", ".hdf5") else path.with_suffix(".h5")
    rename = "" if name == path else f"rename it to {name.name}, then "
    return f"an HDF5 file of {_keras(version)}; {rename}make a .keras file of it: {_conversion(name)}"


def _conversion(path: Path) -> str:
    """Return the command that makes a ``.keras`` file of a ``.h5`` file, in the plainest quotes that a shell allows."""
    made = path.with_suffix(".keras")
    code = f"import keras; keras.saving.load_model({str(path)!r}, compile=False).save({str(made)!r})"
    return shlex.join(["python", "-c", code]) if set(code) & set('"$`\\!') else f'python -c "{code}"'


def version_of(path: Path) -> str:
    """Return the version of Keras that wrote a ``.keras`` file; nothing where it does not tell."""
    with zipfile.ZipFile(path) as archive:
        try:
            metadata = json.loads(archive.read("metadata.json"))
        except ValueError:
            return ""
    return str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""


def _keras(version: object) -> str:
    words = version.decode(errors="replace") if isinstance(version, bytes) else version
    return f"Keras {words}" if words else "an old Keras"


def _saved_models(path: Path) -> Iterator[Path]:
    """Yield the SavedModels in a folder: itself, or those that are its versions."""
    return (found.parent for found in sorted([*path.glob("saved_model.pb"), *path.glob("*/saved_model.pb")]))


def _saved_model(folder: Path) -> str:
    """Say by which versions a SavedModel was written, and what to do about it."""
    program = folder / "saved_model.pb"
    keras = _found(KERAS_VERSION, folder / "keras_metadata.pb") or _found(KERAS_VERSION, program)
    tensorflow = _found(TENSORFLOW_VERSION, program)
    versions = [*([f"Keras {keras}"] if keras else []), *([f"TensorFlow {tensorflow}"] if tensorflow else [])]
    written = f" of {' and '.join(versions)}" if versions else ""
    todo = FROM_KERAS_2 if keras else f"where it was made, {SAVE}"
    return f"a SavedModel{written}, a program without layers that Keras 3 can use; {todo}"


def _found(version: re.Pattern[bytes], path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        found = version.search(file.read(SEARCHED_BYTES))
    return found[1].decode() if found else ""
