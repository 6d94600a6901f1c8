"""A database with as much of MLflow's as the checks of a store look at; MLflow's own takes seconds to make."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from runner.tracking import revisions

(NEWEST,) = (revision for revision in revisions.known() if revisions.is_newest(revision))


def small_database(path: Path, revision: str = NEWEST, experiments: Sequence[tuple[str, str]] = ()) -> None:
    """``experiments`` are pairs of a name and the location of its artifacts; there is always a first one."""
    rows = [("Default", "file:///nowhere"), *experiments]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id, name, artifact_location)")
        connection.executemany(
            "INSERT INTO experiments VALUES (?, ?, ?)", [(number, *row) for number, row in enumerate(rows)]
        )
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
