"""Takes over a local store that was moved or copied: rewrites the absolute addresses that MLflow has kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path

from experiments.reporting import text
from runner.errors import StoreError
from runner.tracking import home
from runner.tracking.database import connected, experiments
from runner.tracking.making import keep_copy

ADDRESSES: Mapping[str, Sequence[str]] = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
    "trace_tags": ("value",),
}
"""The columns of MLflow's database that hold addresses of artifacts. MLflow itself has no call that changes them."""


@dataclass(frozen=True)
class Relocated:
    """What a relocation has done."""

    homes: Sequence[Path]
    """Where the store was."""
    addresses: int
    backup: Path
    """The database as it was."""


def relocate(store: Path, database: Path) -> Relocated | None:
    """Let a store keep its artifacts where it stands now; None if it does already.

    All addresses change or none does. Raises StoreError, also if the artifacts have stayed behind.
    """
    homes = home.elsewhere(store, experiments(database))
    if not homes:
        return None
    for old in homes:
        _require_artifacts(store, old)
    try:
        with connected(database) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")  # nobody else may write between the copy and the change
            backup = keep_copy(database, "moved")
            changed = sum(_rewrite(connection, *prefixes) for old in homes for prefixes in _prefixes(old, store))
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"tracking.dir: {database} cannot be relocated ({text.first_line(error)}); it is as it was"
        ) from None
    return Relocated(homes, changed, backup)


def _require_artifacts(store: Path, old: Path) -> None:
    """Raise StoreError if only the database was moved: its addresses would then lead nowhere."""
    if isdir(old / home.ARTIFACTS) and not isdir(store / home.ARTIFACTS):  # the old place may be another user's
        raise StoreError(
            f"tracking.dir: the artifacts are still in {old / home.ARTIFACTS}; move or copy them into {store}, too"
        )


def _prefixes(old: Path, new: Path) -> Iterator[tuple[str, str]]:
    """Yield what addresses below a store began with and what they shall begin with, as addresses and as paths."""
    for write in (Path.as_uri, str):
        yield f"{write(old)}/", f"{write(new)}/"


def _rewrite(connection: sqlite3.Connection, old: str, new: str) -> int:
    """Replace the beginning of all addresses; return how many there were."""
    changed = 0
    for table, columns in ADDRESSES.items():
        for column in columns:
            done = connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                f"WHERE substr({column}, 1, ?) = ? AND substr({column}, 1, ?) <> ?",  # the new may be below the old
                (new, len(old) + 1, len(old), old, len(new), new),
            )
            changed += done.rowcount
    return changed
