"""The hashes of a saved model's files, by which damaged and exchanged files are recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from experiments.networks.saving.layout import CHECKSUMS, files_of
from experiments.networks.saving.recognise import NotLoadable
from experiments.reporting.text import one_line


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file; for a folder, that of the list that ``sha256sum`` would print of its files."""
    if path.is_dir():
        lines = (f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files_of(path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, paths: Sequence[Path]) -> None:
    """Write the hash of every file below ``paths`` to ``checksums.json`` in ``folder``.

    Call it last, so that the file's existence means that the model is complete.
    """
    hashes = {file.relative_to(folder).as_posix(): sha256(file) for path in paths for file in files_of(path)}
    (folder / CHECKSUMS).write_text(json.dumps(hashes, indent=2) + "\n")


def verify(path: Path, expected: str | None = None) -> None:
    """Raise NotLoadable if ``path`` differs from ``expected`` or from the ``checksums.json`` beside or above it.

    A file from elsewhere may have neither; then nothing is compared.
    """
    if expected is not None and (actual := sha256(path)) != expected:
        raise NotLoadable(f"{path} is not the file that was asked for: its SHA-256 is {actual}, not {expected}")
    if (folder := _recorded_in(path)) is not None:
        _compare(path, folder)


def _recorded_in(path: Path) -> Path | None:
    """Return the folder with the checksums of ``path``, if any; those of a SavedModel lie two folders above it."""
    return next((folder for folder in list(path.absolute().parents)[:2] if (folder / CHECKSUMS).is_file()), None)


def _compare(path: Path, folder: Path) -> None:
    recorded = _read(folder / CHECKSUMS)
    name = path.absolute().relative_to(folder).as_posix()
    ours = {file: hash_ for file, hash_ in recorded.items() if file == name or file.startswith(f"{name}/")}
    found = {file.absolute().relative_to(folder).as_posix(): file for file in files_of(path)}
    if not ours:
        raise NotLoadable(f"{path} is not among the files that {folder / CHECKSUMS} vouches for")
    if missing := ours.keys() - found.keys():
        raise NotLoadable(f"{path} is incomplete: {min(missing)} of {folder / CHECKSUMS} is not there")
    if foreign := found.keys() - ours.keys():
        raise NotLoadable(f"{path} has a file that was not saved with it: {min(foreign)}")
    if changed := [file for file, hash_ in ours.items() if sha256(found[file]) != hash_]:
        raise NotLoadable(f"{folder / changed[0]} has changed since it was saved: its SHA-256 is another one")


def _read(path: Path) -> dict[str, str]:
    try:
        recorded = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NotLoadable(f"{path} cannot be read: {one_line(error)}") from None
    if not isinstance(recorded, dict):
        raise NotLoadable(f"{path} is not a list of checksums")
    return recorded
