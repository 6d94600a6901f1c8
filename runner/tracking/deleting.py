"""Deletes runs of a local store for good: with their artifacts, logged models and registered versions."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.tracking import tags
from runner.tracking.artifacts import repository
from runner.tracking.database import KeptRun, kept_runs, tagged
from runner.tracking.find_run import find_run, search
from runner.tracking.home import path_of
from runner.tracking.models import aliases, logged_models, model_versions
from runner.tracking.paging import paged
from runner.tracking.run import store_errors
from runner.tracking.store import LocalStore

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

PAGE = 1000

THREADS = 8

RUNS_AT_A_TIME = 200
"""So many runs are deleted in a transaction: other programs that write wait meanwhile, for about a second."""

STILL_RUNNING, ITS_SWEEP_IS_RUNNING = "it is RUNNING", "its sweep is RUNNING"


def selected(
    client: MlflowClient, store: LocalStore, words: Sequence[str], condition: str, days: float | None
) -> list[KeptRun]:
    """Return the runs that ``words`` name, that fulfil an MLflow ``condition`` and that are older than ``days``.

    What is not given (no words, an empty condition, None) leaves no run out. The newest come first. Raises UserError if
    a word names no run, StoreError for a condition that is none.
    """
    named = {find_run(client, word).info.run_id for word in words}
    before = math.inf if days is None else (time.time() - days * 86400) * 1000
    fulfil = {run.info.run_id for run in search(client, condition, page_size=PAGE)} if condition else None
    return [
        run
        for run in kept_runs(store.database)
        if run.start_time < before and (not words or run.id in named) and (fulfil is None or run.id in fulfil)
    ]


@dataclass(frozen=True)
class Doomed:
    """A run that may be deleted, and what is deleted with it."""

    run: KeptRun
    models: Sequence[LoggedModel]
    versions: Sequence[ModelVersion]

    @property
    def addresses(self) -> Sequence[str]:
        """Where its artifacts and its models are."""
        return [self.run.artifacts, *(model.artifact_location for model in self.models)]

    @property
    def bytes(self) -> int:
        """Their size, as far as they are files of this machine."""
        return sum(_size(folder) for folder in map(path_of, self.addresses) if folder is not None)


@dataclass(frozen=True)
class Plan:
    """What would be deleted, and what would not."""

    doomed: Sequence[Doomed]
    kept: Mapping[str, str]
    """The ids of runs that were selected but stay, each with the reason."""


def plan(client: MlflowClient, store: LocalStore, runs: Sequence[KeptRun], named: bool) -> Plan:
    """Plan to delete ``runs``, and with a sweep its jobs. What is in use stays, and a sweep with such a job.

    Unless the runs were ``named``, a sweep stays, too, of which a job was not selected. Raises StoreError.
    """
    doomed: list[Doomed] = []
    kept: dict[str, str] = {}
    own = _Models(client)
    known = kept_runs(store.database)
    jobs = _jobs_of_sweeps(store.database, known)
    chosen = {run.id for run in runs}
    families = []
    for run in runs:
        others = [] if named else [job for job in jobs.get(run.id, ()) if job.id not in chosen]
        if others:
            kept[run.id] = f"{len(others)} of its jobs are not among those chosen; name the sweep to delete it whole"
        else:
            families.append([run, *jobs.get(run.id, ())])
    going_on = {job.id for run in known if run.status == "RUNNING" for job in jobs.get(run.id, ())}
    seen = set[str]()
    for family in sorted(families, key=len, reverse=True):  # a job that was selected along with its sweep is with it
        new = [run for run in family if run.id not in seen]
        seen |= {run.id for run in new}
        if reason := next((reason for run in new if (reason := own.why_kept(run))), ""):
            kept |= {family[0].id: reason}
        elif any(run.id in going_on for run in new):
            kept |= {family[0].id: ITS_SWEEP_IS_RUNNING}
        else:
            doomed += map(own.of, new)
    return Plan(doomed, kept)


class _Models:
    """The logged models and registered versions of a store, by the run that made them."""

    def __init__(self, client: MlflowClient) -> None:
        self._logged = defaultdict[str, list["LoggedModel"]](list)
        self._versions = defaultdict[str, list["ModelVersion"]](list)
        self._aliases: dict[tuple[str, str], str] = {}
        with store_errors():
            for name, alias, number in aliases(client):
                self._aliases[name, number] = alias
            for model in logged_models(client):
                self._logged[model.source_run_id].append(model)
            for version in model_versions(client):
                self._versions[version.run_id].append(version)

    def of(self, run: KeptRun) -> Doomed:
        return Doomed(run, self._logged[run.id], self._versions[run.id])

    def why_kept(self, run: KeptRun) -> str:
        """Return why a run must stay; empty if it may go."""
        if run.status == "RUNNING":
            return STILL_RUNNING
        own = ((version.name, str(version.version)) for version in self._versions[run.id])
        alias = next(
            (f"{name}@{self._aliases[name, number]}" for name, number in own if (name, number) in self._aliases), ""
        )
        return f"its model is {alias}; delete that alias first" if alias else ""


def _jobs_of_sweeps(database: Path, runs: Sequence[KeptRun]) -> dict[str, list[KeptRun]]:
    """Return the runs of the jobs of each sweep by its id; ``runs`` are all of the store."""
    known = {run.id: run for run in runs}
    sweeps = {run_id for run_id, _ in tagged(database, tags.KEY)}
    jobs = defaultdict[str, list[KeptRun]](list)
    for job, parent in tagged(database, tags.PARENT):
        if parent in sweeps and job in known:  # and not in the trash of MLflow's UI
            jobs[parent].append(known[job])
    return jobs


def delete(client: MlflowClient, store: LocalStore, doomed: Sequence[Doomed]) -> None:
    """Delete runs for good. Raises StoreError.

    Their rows go last, after all that belongs to them: what a kill leaves can be deleted again.
    """
    with store_errors():
        _delete_versions(client, [version for one in doomed for version in one.versions])
        with ThreadPoolExecutor(THREADS) as threads:  # the file system lets one wait for each folder, not all together
            list(threads.map(partial(_delete_files, client.tracking_uri), (a for one in doomed for a in one.addresses)))
        _delete_rows(store, doomed)


def _delete_versions(client: MlflowClient, versions: Sequence[ModelVersion]) -> None:
    """Delete registered versions, and with its last one the registered model."""
    going = defaultdict[str, set[str]](set)
    for version in versions:
        going[version.name].add(version.version)
    for name, numbers in going.items():
        if numbers == {version.version for version in paged(client.search_model_versions, f"name = '{name}'")}:
            client.delete_registered_model(name)
            continue
        for number in numbers:
            client.delete_model_version(name, number)


def _delete_files(tracking_uri: str, location: str) -> None:
    """Delete the files at an address, and the folder of the run or model that held nothing else."""
    folder = path_of(location)
    if folder is None or folder.exists():
        repository(location, tracking_uri).delete_artifacts()
    if folder is not None:
        with suppress(OSError):
            folder.parent.rmdir()


def _delete_rows(store: LocalStore, doomed: Sequence[Doomed]) -> None:
    """Do what ``mlflow gc`` does, which would delete everything else in MLflow's trash along with it.

    Many runs share a transaction, and a statement: each on its own would wait for the disk and for SQLAlchemy.
    """
    from mlflow.store.tracking.dbmodels.models import SqlRun
    from mlflow.store.tracking.sqlalchemy_store import _RUN_DELETE_CASCADE_MODELS, SqlAlchemyStore

    database = SqlAlchemyStore(store.uri, store.artifact_root)
    transaction = database.ManagedSessionMaker
    for begin in range(0, len(doomed), RUNS_AT_A_TIME):
        some = doomed[begin : begin + RUNS_AT_A_TIME]
        with transaction(read_only=False) as session:
            database.ManagedSessionMaker = lambda session=session, **_: nullcontext(session)
            for model in (model for one in some for model in one.models):
                database._hard_delete_logged_model(model.model_id)
            session.flush()
            run_ids = [one.run.id for one in some]
            for table in (*_RUN_DELETE_CASCADE_MODELS, SqlRun):
                session.query(table).filter(table.run_uuid.in_(run_ids)).delete(synchronize_session=False)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
