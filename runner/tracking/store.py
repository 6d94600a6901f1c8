"""Opens and checks the store of runs: a local folder or a tracking server."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from experiments.reporting import text
from experiments.reporting.commands import command, override
from runner.config.tracking_settings import Tracking
from runner.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient

UI_HOST, UI_PORT = "127.0.0.1", 5000

NEEDED_BYTES = 20 * 2**20
"""The free space that a run needs to start: MLflow's empty database takes 1 MiB, a run less than 1 MiB."""

QUICK_CHECK_BYTES = 16 * 2**20
"""Databases up to this size are checked page by page, which takes at most 0.1 s."""

LOCKED = "database is locked"
"""SQLite's message when another process holds the database for more than five seconds."""

SERVER_SECONDS = 5
"""The seconds in which a tracking server must answer."""


def locate(tracking: Tracking) -> Store:
    """Return the store that the config names, without touching it."""
    if tracking.kind == "server":
        assert tracking.uri is not None  # Tracking checks it
        return ServerStore(tracking.uri.rstrip("/"))
    return LocalStore(Path(tracking.dir).expanduser().absolute())


def quiet_mlflow() -> None:
    """Silence MLflow's log, telemetry and progress bars. Call it before MLflow is imported."""
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # errors come as exceptions, too
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # A server may be away for a minute; by default MLflow would wait for four.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


class Store(ABC):
    """A store of runs."""

    ui: str
    """The address of the UI that shows this store."""
    words: tuple[str, ...] = ()
    """The words of a command that name this store; none for ``mlruns`` in the working folder."""
    ui_hint = ""
    """The command that serves the UI; empty if a server does."""

    @abstractmethod
    def check(self) -> None:
        """Raise StoreError if runs cannot be kept here. Quick, without importing MLflow."""

    @abstractmethod
    def open(self) -> MlflowClient:
        """Return a client of the store, which is created if need be. Raises StoreError."""

    @abstractmethod
    def artifact_location(self, experiment: str) -> str | None:
        """Return the address for the artifacts of a new MLflow experiment; None lets the store choose."""

    def link(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run in the UI, which would open its GenAI view without the workflow type."""
        return f"{self.ui}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


class LocalStore(Store):
    """A folder with a SQLite database and the artifacts."""

    ui = f"http://{UI_HOST}:{UI_PORT}"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = () if folder == Path("mlruns").absolute() else (override("tracking.dir", str(folder)),)
        self.ui_hint = command(*self.words, module="runner.ui")
        self.database = folder / "mlflow.db"
        self.uri = f"sqlite:///{self.database}"

    def check(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"tracking.dir: cannot make {self.folder} ({error.strerror}); choose another folder"
            ) from None
        for path in (self.folder, self.database):
            if path.exists() and not os.access(path, os.W_OK):
                raise StoreError(
                    f"tracking.dir: {path} is not writable; choose another folder or change its permissions"
                )
        free = shutil.disk_usage(self.folder).free
        if free < NEEDED_BYTES:
            raise StoreError(
                f"tracking.dir: the disk of {self.folder} is full ({free / 2**20:.1f} MiB free, "
                f"{NEEDED_BYTES >> 20} needed); make room or choose another folder"
            )
        self._check_database()

    def _check_database(self) -> None:
        problem = self._problem_of_database() if self.database.exists() else None
        if problem == LOCKED:
            raise StoreError(f"tracking.dir: {self.database} is locked by another program; try again when it is done")
        if problem:
            raise StoreError(
                f"tracking.dir: {self.database} is not a usable MLflow database ({problem}); "
                "move it away or choose another folder"
            )

    def _problem_of_database(self) -> str | None:
        # Not read-only: what a kill in mid-commit has left is rolled back by the first who may write.
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self.database))}?mode=rw", uri=True)) as connection:
                connection.execute("SELECT version_num FROM alembic_version").fetchone()
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
                size = self.database.stat().st_size
                if size < pages * page_bytes:
                    return f"cut off: {size} of {pages * page_bytes} bytes"
                if size <= QUICK_CHECK_BYTES:
                    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                    return None if verdict == "ok" else str(verdict).splitlines()[0]
        except sqlite3.Error as error:
            return str(error)
        return None

    def open(self) -> MlflowClient:
        quiet_mlflow()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if not self.database.exists():
                self._create_database()
            client = MlflowClient(self.uri)
            client.get_experiment_by_name("Default")  # connects, and compares the schema's version
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise StoreError(f"tracking.dir: cannot open {self.database}: {first_line(error)}") from None
        return client

    def _create_database(self) -> None:
        """Create the database beside its place and move it there, so that it is whole or absent.

        Processes that race to create it wait for the first one; MLflow alone would let all but one die.
        """
        from filelock import FileLock
        from mlflow import MlflowClient

        with FileLock(self.folder / ".mlflow.db.lock"):
            if self.database.exists():
                return
            unfinished = self.folder / ".mlflow.db.new"
            unfinished.unlink(missing_ok=True)
            MlflowClient(f"sqlite:///{unfinished}").get_experiment_by_name("Default")
            unfinished.rename(self.database)

    def artifact_location(self, experiment: str) -> str:
        return (self.folder / "artifacts" / quote(experiment, safe=" ")).as_uri()


class ServerStore(Store):
    """An MLflow tracking server."""

    def __init__(self, uri: str) -> None:
        self.uri = self.ui = uri
        self.words = ("tracking=server", override("tracking.uri", self.uri))

    def check(self) -> None:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=SERVER_SECONDS) as answer:
                healthy = answer.read(16).strip() == b"OK"
        except urllib.error.HTTPError as error:
            raise StoreError(f"tracking.uri: {self.uri} answers, but not as MLflow does (HTTP {error.code})") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = text.one_line(getattr(error, "reason", error))
            raise StoreError(
                f"tracking.uri: no answer from {self.uri} ({reason}); start it with 'mlflow server', "
                "correct the address, or use tracking=local"
            ) from None
        if not healthy:
            raise StoreError(f"tracking.uri: {self.uri} answers, but not as an MLflow server does")

    def open(self) -> MlflowClient:
        quiet_mlflow()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(self.uri)
        try:
            client.get_experiment_by_name("Default")
        except MlflowException as error:
            raise StoreError(f"tracking.uri: {self.uri}: {first_line(error)}") from None
        return client

    def artifact_location(self, experiment: str) -> None:
        return None


def first_line(error: BaseException) -> str:
    """Return a library's error in one line; a database error in the database's own words."""
    lines = str(error).strip().splitlines()
    of_database = (found.group(1) for line in lines if (found := re.match(r"\([\w.]+Error\) (.+)", line)))
    return next(of_database, text.first_line(error))
