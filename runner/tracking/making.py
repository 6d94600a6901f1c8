"""Makes and migrates the database of a local store beside its place, so that what stands there is always whole."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from experiments.reporting import text
from runner.environment import package_version
from runner.errors import StoreError
from runner.tracking import revisions, tags
from runner.tracking.database import address, connected, schema_of
from runner.tracking.process import is_alive

UPGRADE = [sys.executable, "-m", "mlflow", "db", "upgrade"]


def make(database: Path) -> None:
    """Make a database where there is none. What MLflow, SQLite and the disk raise passes through.

    Processes that race to make it wait for the first one; MLflow alone would let all but one die.
    """
    from mlflow import MlflowClient

    with _place_beside(database) as unfinished:
        if database.exists():
            return  # another process was faster
        MlflowClient(address(unfinished)).get_experiment_by_name("Default")
        _move_if_free(unfinished, database)


def migrate(database: Path, say: Callable[[str], None]) -> None:
    """Bring a database of an older MLflow to the schema of this one, and keep the old one beside it.

    Raises StoreError if that fails, or a run here still writes to it; the database is as it was then.
    """
    if revisions.is_newest(schema_of(database)):
        return
    try:
        with _place_beside(database) as unfinished, connected(database) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # with a write-ahead log a database is several files
            connection.execute("BEGIN IMMEDIATE")  # nobody else may write in the meantime
            revision = schema_of(database)
            if revisions.is_newest(revision):
                return  # another process was faster
            if run := _going_on(connection):  # its next write would fail: another file would stand in the place
                raise StoreError(
                    f"tracking.dir: {database} was made by an older MLflow, and the run {run[:8]} still writes to it; "
                    "wait for its end"
                )
            _copy(database, unfinished)
            _upgrade(unfinished)
            backup = keep_copy(database, revision)
            unfinished.replace(database)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"tracking.dir: {database} was made by an older MLflow, and cannot be migrated ({text.first_line(error)}); "
            "it is as it was; choose another folder"
        ) from None
    say(
        f"{database} was made by an older MLflow; it has been migrated to MLflow {package_version('mlflow')}. "
        f"The one before is kept as {backup}"
    )


def _going_on(connection: sqlite3.Connection) -> str:
    """Return the id of a RUNNING run whose process lives on this machine; empty without one."""
    found = connection.execute(
        "SELECT run_uuid, process.value FROM runs JOIN tags AS host USING (run_uuid) JOIN tags AS process "
        "USING (run_uuid) WHERE status = 'RUNNING' AND host.key = ? AND host.value = ? AND process.key = ?",
        (tags.HOST, socket.gethostname(), tags.PROCESS),
    )
    return next((run for run, process in found if is_alive(process)), "")


def keep_copy(database: Path, label: str) -> Path:
    """Copy a database to a file beside it with the label and the time in its name. Raises what SQLite raises."""
    backup = database.with_name(f"{database.name}.{label}.{datetime.now():%Y%m%d-%H%M%S}")
    _copy(database, backup)
    return backup


@contextmanager
def _place_beside(database: Path) -> Iterator[Path]:
    """Give the path of a file to work on, which no other process of this program uses; it is gone afterwards."""
    with FileLock(database.with_name(f".{database.name}.lock")):
        unfinished = database.with_name(f".{database.name}.new")
        unfinished.unlink(missing_ok=True)
        try:
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)


def _move_if_free(made: Path, place: Path) -> None:
    """Move a file to its place unless another program, which knows no lock, has made one there meanwhile."""
    try:
        os.link(made, place)  # a rename would replace it
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not place.exists():
            shutil.move(made, place)


def _copy(database: Path, target: Path) -> None:
    """Copy a database, or leave nothing. Raises what SQLite raises, when the disk is full for one."""
    try:
        with connected(database) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error:
        target.unlink(missing_ok=True)
        raise


def _upgrade(database: Path) -> None:
    """Migrate with MLflow's own command: its functions are none of its public ones. Raises ChildProcessError."""
    done = subprocess.run([*UPGRADE, address(database)], capture_output=True, text=True)
    if done.returncode != 0:
        said = re.findall(r"\([\w.]+Error\) (.+)", done.stderr) or done.stderr.strip().splitlines()
        raise ChildProcessError(said[-1] if said else f"mlflow db upgrade: status {done.returncode}")
