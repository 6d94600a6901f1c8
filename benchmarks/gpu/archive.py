"""The report and its store in one file, small enough to be carried away."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

NAME = "gpu-report.tar.gz"

MOST_BYTES = 16_000_000

DATABASE = "mlflow.db"


def write(folder: Path, most_bytes: int = MOST_BYTES) -> list[str]:
    """Write the archive of all in ``folder``; return what it leaves out, with sizes, the largest first.

    If it is too large, artifacts are left out one by one from the largest, until it is not. The report, its plots and
    the store's database stay: if they alone are too large, so is the archive.
    """
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / NAME]
    dropped: list[Path] = []
    while (excess := _pack(folder, kept) - most_bytes) > 0:
        leaving = _largest([path for path in kept if _is_artifact(path, folder)], excess)
        if not leaving:
            break
        dropped += leaving
        kept = [path for path in kept if path not in leaving]
    return [f"{path.relative_to(folder)} ({path.stat().st_size / 1e6:.2f} MB)" for path in dropped]


def _pack(folder: Path, files: Sequence[Path]) -> int:
    """Write the archive of ``files``; return its size in bytes."""
    with tarfile.open(folder / NAME, "w:gz") as archive:
        for path in files:
            archive.add(path, Path(Path(NAME).name.removesuffix(".tar.gz")) / path.relative_to(folder))
    return (folder / NAME).stat().st_size


def _is_artifact(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder / "store") and not path.name.startswith(DATABASE)


def _largest(files: Sequence[Path], total: int) -> list[Path]:
    """Return the largest files that together have at least ``total`` bytes, or all: packed they have fewer."""
    found: list[Path] = []
    for path in sorted(files, key=lambda path: path.stat().st_size, reverse=True):
        if sum(one.stat().st_size for one in found) >= total:
            break
        found.append(path)
    return found
