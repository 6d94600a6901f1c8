"""MLflow's database in a local store, read as plain SQLite: MLflow's import takes two seconds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from runner.environment import package_version
from runner.errors import StoreError
from runner.tracking import revisions

QUICK_CHECK_BYTES = 16 * 2**20
"""Databases up to this size are checked page by page, which takes at most 0.1 s."""

LOCKED = "database is locked"
"""SQLite's message when another process holds the database for more than five seconds."""

SILENT_SECONDS = 5.0
"""An unfinished database that nobody has touched for so long is not being made."""


@dataclass(frozen=True)
class KeptExperiment:
    """An MLflow experiment as the database has it."""

    id: int
    name: str
    location: str
    """The address of its artifacts."""


def address(database: Path) -> str:
    """Return a database's address for MLflow, whatever is in its path.

    The driver's name keeps MLflow from making the folders that are in the address, where % is written as %25.
    """
    return f"sqlite+pysqlite:///{in_address(database)}"


def in_address(file: Path) -> str:
    """Return a path as it stands in an address for SQLAlchemy."""
    return str(file).replace("%", "%25").replace("?", "%3F")


def connected(database: Path) -> closing[sqlite3.Connection]:
    """Open an existing database."""
    # Not read-only: what a kill in mid-commit has left is rolled back by the first who may write.
    return closing(sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True))


def schema_of(database: Path) -> str:
    """Return the revision of the schema of an MLflow database, which this MLflow knows.

    Waits for a database that another program is just making. Raises StoreError for anything else.
    """
    found = _look(database)
    while not found.is_finished and _was_touched_lately(database):
        time.sleep(0.1)
        found = _look(database)
    if found.revision is None:
        raise _unusable(database, "it has no schema: whoever made it has not finished")
    return found.revision


def experiments(database: Path) -> Sequence[KeptExperiment]:
    """Return the MLflow experiments in a database. Raises StoreError."""
    try:
        with connected(database) as connection:
            return [
                KeptExperiment(*row)
                for row in connection.execute("SELECT experiment_id, name, artifact_location FROM experiments")
            ]
    except sqlite3.Error as error:
        raise _unusable(database, str(error)) from None


def tagged(database: Path, name: str) -> Sequence[tuple[str, str]]:
    """Return the id of each run that has a tag, with its value, in the order of their begin. Raises StoreError."""
    try:
        with connected(database) as connection:
            return connection.execute(
                "SELECT run_uuid, value FROM tags JOIN runs USING (run_uuid) WHERE key = ? ORDER BY start_time", (name,)
            ).fetchall()
    except sqlite3.Error as error:
        raise _unusable(database, str(error)) from None


@dataclass(frozen=True)
class KeptRun:
    """A run as the database has it, without parameters and metrics: MLflow's own search takes milliseconds for each."""

    id: str
    name: str
    status: str
    start_time: int
    """In milliseconds since 1970."""
    artifacts: str
    """Their address."""


def kept_runs(database: Path) -> list[KeptRun]:
    """Return the runs that are in no trash, the newest first. Raises StoreError."""
    try:
        with connected(database) as connection:
            return [
                KeptRun(*row)
                for row in connection.execute(
                    "SELECT run_uuid, name, status, start_time, artifact_uri FROM runs "
                    "WHERE lifecycle_stage = 'active' ORDER BY start_time DESC"
                )
            ]
    except sqlite3.Error as error:
        raise _unusable(database, str(error)) from None


def relocate(database: Path, experiment: KeptExperiment, location: str) -> None:
    """Give an MLflow experiment another address for the artifacts of its future runs. Raises what SQLite raises."""
    with connected(database) as connection, connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ? AND artifact_location = ?",
            (location, experiment.id, experiment.location),
        )


@dataclass(frozen=True)
class _Found:
    revision: str | None
    """The revision of the schema; None if there is none yet."""
    is_used: bool
    """Whether there are MLflow experiments: the last thing that MLflow makes in a new database is the first of them."""

    @property
    def is_finished(self) -> bool:
        """Whether this is the newest schema, or one with which an older MLflow has worked."""
        return self.revision is not None and (self.is_used or revisions.is_newest(self.revision))


def _look(database: Path) -> _Found:
    """Return how far a database is. Raises StoreError if it is none that MLflow could go on with."""
    try:
        with connected(database) as connection:
            _require_whole(database, connection)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found = "alembic_version" in tables and connection.execute("SELECT version_num FROM alembic_version")
            (revision,) = (found and found.fetchone()) or (None,)
            is_used = "experiments" in tables and connection.execute("SELECT 1 FROM experiments").fetchone() is not None
    except sqlite3.Error as error:
        raise _unusable(database, str(error)) from None
    is_known = revision in revisions.known()
    if "studies" in tables and not is_known:
        raise StoreError(
            f"tracking.dir: {database} is a database of Optuna, which cannot share it with MLflow; choose another "
            "folder, or give Optuna a file of its own (hydra.sweeper.storage)"
        )
    if tables and "experiments" not in tables:
        raise _unusable(database, "it has other tables than MLflow's")
    if revision is not None and not is_known:
        raise StoreError(
            f"tracking.dir: {database} was made by a newer MLflow than {package_version('mlflow')}, which is installed "
            f"here (its schema {revision} is unknown); upgrade mlflow, or choose another folder"
        )
    return _Found(revision, is_used)


def _require_whole(database: Path, connection: sqlite3.Connection) -> None:
    """Raise StoreError if the file is cut off or, as far as a quick look shows, damaged."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    size = _bytes(database) + _bytes(_beside(database, "-wal"))  # where a write-ahead log keeps what is new
    if size < pages * page_bytes:
        raise _unusable(database, f"cut off: {size} of {pages * page_bytes} bytes")
    if size <= QUICK_CHECK_BYTES:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _unusable(database, str(verdict).splitlines()[0])


def _was_touched_lately(database: Path) -> bool:
    touched = max(_touched(database), _touched(_beside(database, "-journal")))
    return time.time() - touched < SILENT_SECONDS


def _beside(database: Path, ending: str) -> Path:
    """Return a file of SQLite's own beside a database."""
    return database.with_name(f"{database.name}{ending}")


def _touched(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def _bytes(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _unusable(database: Path, problem: str) -> StoreError:
    if problem == LOCKED:
        return StoreError(f"tracking.dir: {database} is locked by another program; try again when it is done")
    return StoreError(
        f"tracking.dir: {database} is not a usable MLflow database ({problem}); move it away or choose another folder"
    )
