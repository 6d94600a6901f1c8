"""Opens and checks the store of runs: a local folder or a tracking server."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.reporting import text
from experiments.reporting.commands import command, override
from runner.addresses import without_credentials, without_user
from runner.config.tracking_settings import Tracking
from runner.environment import set_own
from runner.errors import StoreError
from runner.tracking import home
from runner.tracking.database import address, experiments, relocate, schema_of
from runner.tracking.making import make, migrate
from runner.tracking.needs import NOTHING, Needs
from runner.tracking.served import port_of
from runner.tracking.server import Server

if TYPE_CHECKING:
    from mlflow import MlflowClient

UI_HOST, UI_PORT = "127.0.0.1", 5000

NEEDED_BYTES = 20 * 2**20
"""The free space that a run needs to start: MLflow's empty database takes 1 MiB, a run less than 1 MiB."""


def locate(tracking: Tracking) -> Store:
    """Return the store that the config names, without touching it."""
    if tracking.kind == "server":
        assert tracking.uri is not None  # Tracking checks it
        return ServerStore(tracking.uri.rstrip("/"))
    return LocalStore(Path(os.path.expanduser(tracking.dir)).absolute())


def quiet_mlflow() -> None:
    """Silence MLflow's log, telemetry and progress bars. Call it before MLflow is imported."""
    set_own("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # errors come as exceptions, too
    set_own("MLFLOW_DISABLE_TELEMETRY", "true")
    set_own("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # We print it ourselves, without the password.
    set_own("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true", always=True)
    # A server may be away for a minute; by default MLflow would wait for four.
    set_own("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    set_own("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


class Store(ABC):
    """A store of runs."""

    ui: str
    """The address of the UI that shows this store."""
    words: tuple[str, ...] = ()
    """The words of a command that name this store; none for ``mlruns`` in the working folder."""
    ui_hint = ""
    """The command that serves the UI; empty if a server does."""

    @abstractmethod
    def check(self, needs: Needs = NOTHING) -> None:
        """Raise StoreError if what is needed cannot be kept here. Quick, without importing MLflow."""

    @abstractmethod
    def open(self, say: Callable[[str], None] = lambda text: None) -> MlflowClient:
        """Return a client of the store, which is created or migrated if need be; ``say`` is told. Raises StoreError."""

    @abstractmethod
    def artifact_location(self, experiment: str) -> str | None:
        """Return the address for the artifacts of a new MLflow experiment; None lets the store choose."""

    def link(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run in the UI, which would open its GenAI view without the workflow type."""
        return f"{self.ui}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


class LocalStore(Store):
    """A folder with a SQLite database and the artifacts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = port_of(folder)
        self.ui = f"http://{UI_HOST}:{port or UI_PORT}"
        self.words = () if folder == Path("mlruns").absolute() else (override("tracking.dir", str(folder)),)
        self.ui_hint = "" if port else command(*self.words, module="runner.ui")
        self.database = folder / "mlflow.db"
        self.uri = address(self.database)
        self.artifact_root = home.root(folder)

    @property
    def is_made(self) -> bool:
        """Whether its database is there. Raises StoreError where that cannot be seen."""
        try:
            return self.database.exists()
        except OSError as error:  # Path.exists answers False only for a path that leads nowhere
            raise StoreError(
                f"tracking.dir: cannot look into {self.folder} ({error.strerror}); choose another folder"
            ) from None

    def check(self, needs: Needs = NOTHING) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"tracking.dir: cannot make {self.folder} ({error.strerror}); choose another folder"
            ) from None
        is_made = self.is_made
        for path in (self.folder, *([self.database] if is_made else [])):
            if not os.access(path, os.W_OK):
                raise StoreError(
                    f"tracking.dir: {path} is not writable; choose another folder or change its permissions"
                )
        free = shutil.disk_usage(self.folder).free
        if free < NEEDED_BYTES:
            raise StoreError(
                f"tracking.dir: the disk of {self.folder} is full ({free / 2**20:.1f} MiB free, "
                f"{NEEDED_BYTES >> 20} needed); make room or choose another folder"
            )
        if is_made:
            schema_of(self.database)
            if needs.experiments:
                self.require_home()
                home.require_own(experiments(self.database), needs.experiments)

    def require_home(self) -> None:
        """Raise StoreError if the store was moved or copied and looks for its artifacts at the old place."""
        home.require_home(self.folder, experiments(self.database))

    def open(self, say: Callable[[str], None] = lambda text: None) -> MlflowClient:
        quiet_mlflow()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if not self.is_made:
                make(self.database)
            migrate(self.database, say)
            client = MlflowClient(self.uri, self.uri)  # the registry, too, whatever MLFLOW_REGISTRY_URI says
            client.get_experiment_by_name("Default")  # connects, and compares the schema's version
            self._bring_home()
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreError(f"tracking.dir: cannot open {self.database}: {first_line(error)}") from None
        return client

    def artifact_location(self, experiment: str) -> str:
        return home.location(self.folder, experiment)

    def _bring_home(self) -> None:
        """Have the MLflow experiment Default, which MLflow makes for the working folder, write into the store."""
        for experiment in experiments(self.database):
            if home.is_astray(experiment):
                relocate(self.database, experiment, self.artifact_location(experiment.name))


class ServerStore(Store):
    """An MLflow tracking server."""

    def __init__(self, uri: str) -> None:
        """``uri`` may hold a user and a password, with which MLflow's client can do; nobody sees them."""
        self._uri = uri
        self.uri = self.ui = without_user(uri)
        self.words = ("tracking=server", override("tracking.uri", self.uri))

    def check(self, needs: Needs = NOTHING) -> None:
        Server(self._uri).check(needs)

    def open(self, say: Callable[[str], None] = lambda text: None) -> MlflowClient:
        quiet_mlflow()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(self._uri, self._uri)
        try:
            client.get_experiment_by_name("Default")
        except MlflowException as error:
            raise StoreError(f"tracking.uri: {self.uri}: {first_line(error)}") from None
        return client

    def artifact_location(self, experiment: str) -> None:
        return None


def first_line(error: BaseException) -> str:
    """Return a library's error in one line, without passwords; a database error in the database's own words."""
    lines = str(error).strip().splitlines()
    of_database = (found.group(1) for line in lines if (found := re.match(r"\([\w.]+Error\) (.+)", line)))
    return without_credentials(next(of_database, text.first_line(error)))
