"""Where Optuna keeps studies: a database beside the runs, or one that the user names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from experiments.reporting.text import first_line
from runner.addresses import shown
from runner.errors import StoreError, UserError
from runner.tracking.database import in_address
from runner.tracking.store import LocalStore


@dataclass(frozen=True)
class StudyStorage:
    """A database of studies. Nothing is made before it is opened."""

    address: str
    """As SQLAlchemy reads it, such as ``sqlite:////data/optuna.db``."""
    store: LocalStore | None = None
    """The store in whose folder it is; None where the user names the database."""

    def __str__(self) -> str:
        return shown(self.address)

    def open(self) -> RDBStorage:
        """Open the database, which is made if need be. Raises StoreError, and what :meth:`in_a_sentence` takes."""
        if self.store:
            self.store.check()  # makes its folder, or says why not
        return _database(self.address)

    def trials_of(self, study: str) -> int:
        """Return how many trials a study has, 0 if it is still to begin. Raises StoreError."""
        if not self._is_there:
            return 0
        with self.in_a_sentence():
            found = optuna.get_all_study_summaries(_database(self.address))
        return next((one.n_trials for one in found if one.study_name == study), 0)

    def newest(self, name: str) -> str | None:
        """Return the newest study among those called ``name`` and a time, None without one. Raises StoreError."""
        if not self._is_there:
            return None
        with self.in_a_sentence():
            names = optuna.get_all_study_names(_database(self.address))
        return max((known for known in names if known.startswith(f"{name} ")), default=None)

    @contextmanager
    def in_a_sentence(self) -> Iterator[None]:
        """Turn what the database raises into a StoreError of one sentence."""
        try:
            yield
        except (StorageInternalError, SQLAlchemyError, ImportError, OSError) as error:
            raise _unusable(self.address, first_line(error.__cause__ or error)) from error

    @property
    def _is_there(self) -> bool:
        """Whether the database may have studies: not if it is a file that is still to be made."""
        url = _parsed(self.address)
        return not _is_sqlite(url) or isfile(url.database or "")


def storage_of(named: str | None, store: LocalStore) -> StudyStorage:
    """Return the database that the user names, else one beside the runs of ``store``.

    Raises UserError if MLflow keeps the runs, or will keep them, in the file that the user names.
    """
    if not named:
        return StudyStorage(f"sqlite:///{in_address(store.folder / 'optuna.db')}", store)
    url = _parsed(named)
    if _is_sqlite(url) and Path(url.database or "").resolve() == store.database.resolve():
        raise UserError(
            f"hydra.sweeper.storage: MLflow keeps the runs in {store.database}, and cannot share it with "
            "Optuna; name another file, or leave it out"
        )
    return StudyStorage(named)


def _database(address: str) -> RDBStorage:
    """Open a database, and create its tables if need be. Searches that start together wait for the first one.

    Without this lock, Optuna lets all but one of them die.
    """
    url = _parsed(address)
    file = Path(url.database or "")
    if _is_sqlite(url) and file.name in ("", ":memory:"):
        raise StoreError(
            f"hydra.sweeper.storage: {shown(address)} names no file; give one, such as sqlite:////data/optuna.db"
        )
    is_file = _is_sqlite(url) and file.parent.is_dir()
    with FileLock(file.with_name(f".{file.name}.lock")) if is_file else nullcontext():
        _require_no_runs(address)
        return RDBStorage(address)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _parsed(address: str) -> URL:
    """Raise StoreError where a password may be taken for something else: the database would repeat it in its errors."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # a port that is no number
        raise _unusable(address, "this is no database's address") from None
    if "@" in (url.host or "") or (url.username and " " in address.partition("@")[0]):
        raise _unusable(address, "within a user or password '@' is written %40, and a blank %20")
    return url


def _unusable(address: str, problem: str) -> StoreError:
    return StoreError(
        f"hydra.sweeper.storage: cannot use {shown(address)} ({problem}); give a database such as "
        "sqlite:////data/optuna.db"
    )


def _require_no_runs(address: str) -> None:
    """Raise StoreError if MLflow keeps its runs in a database: both number their schemas in the same table."""
    engine = create_engine(address)
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if "experiments" in tables and "studies" not in tables:
        raise StoreError(
            f"hydra.sweeper.storage: {shown(address)} is the database of MLflow, which cannot share it with "
            "Optuna; name another, such as sqlite:////data/optuna.db, or leave it out"
        )
