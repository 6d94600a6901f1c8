"""The files that a dataset is read from: whether they are there, and their hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.experiment import Refused


def located(path: str) -> Path:
    """Return a path as a user writes it, with the home folder for ``~``; that of a user who does not exist stays."""
    return Path(os.path.expanduser(path))


@contextmanager
def named(source: Path | str) -> Iterator[None]:
    """Begin what refuses a file with the file's path, or with other words that name the source."""
    try:
        yield
    except Refused as error:
        raise Refused(f"{source}: {error}") from error


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_folder(folder: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 of the list of hashes and paths that ``sha256sum`` would print."""
    lines = (f"{digest(file)}  {file.relative_to(folder).as_posix()}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
