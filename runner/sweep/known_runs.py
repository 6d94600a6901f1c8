"""What a store knows of its runs, as far as a plan needs it: read without MLflow where the store is a folder."""

from __future__ import annotations

import shlex
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.config.question import objective, question_in, sweep_key
from runner.errors import StoreError
from runner.tracking import tags
from runner.tracking.database import connected, schema_of
from runner.tracking.find_run import search
from runner.tracking.paging import mlflow_experiments
from runner.tracking.run import store_errors
from runner.tracking.store import LocalStore, Store

if TYPE_CHECKING:
    from mlflow.entities import Run

PEAK = "memory/peak_mb"

PAGE = 1000

READ = (tags.FINGERPRINT, tags.CODE, tags.BEGUN_BY, tags.PARENT, tags.KEY, tags.COMMAND, tags.PRUNED)
"""The tags that are read."""

RUNS = (
    "SELECT run_uuid, experiments.name, status, start_time, end_time FROM runs JOIN experiments USING (experiment_id) "
    "WHERE runs.lifecycle_stage = 'active' ORDER BY start_time"
)

TAGS = f"SELECT run_uuid, key, value FROM tags WHERE key IN ({', '.join('?' * len(READ))})"  # noqa: S608  # only marks

PEAKS = "SELECT run_uuid, value FROM latest_metrics WHERE key = ? AND NOT is_nan"


@dataclass(frozen=True)
class KnownRun:
    """A run of the store."""

    id: str
    mlflow_experiment: str
    """The name of the MLflow experiment that it is in."""
    status: str
    seconds: float
    """From its creation to its end."""
    tags: Mapping[str, str]
    """Those of ``READ`` that it has."""
    peak_bytes: float | None
    """The most memory that it took; None if that is not known."""

    @property
    def question(self) -> str:
        return question_in(self.tags.get(tags.FINGERPRINT, ""))


def known_runs(store: Store) -> list[KnownRun]:
    """Return all runs of a store in the order of their begin; none if it has not been made yet. Raises StoreError."""
    if not isinstance(store, LocalStore):
        store.check()
        return _of_server(store)
    if not store.is_made:
        return []
    schema_of(store.database)
    try:
        return list(_of_database(store))
    except sqlite3.Error as error:
        raise StoreError(f"tracking.dir: cannot read {store.database} ({error})") from None


def _of_server(store: Store) -> list[KnownRun]:
    client = store.open()
    with store_errors():
        names = {kept_in.experiment_id: kept_in.name for kept_in in mlflow_experiments(client)}
    runs = search(client, order="ASC", page_size=PAGE)
    return [known_run(run, names.get(run.info.experiment_id, "")) for run in runs]


def _of_database(store: LocalStore) -> Iterator[KnownRun]:
    with connected(store.database) as connection:
        tagged = dict[str, dict[str, str]]()
        for run_id, name, value in connection.execute(TAGS, READ):
            tagged.setdefault(run_id, {})[name] = value
        peaks = dict(connection.execute(PEAKS, (PEAK,)).fetchall())
        for run_id, kept_in, status, start, end in connection.execute(RUNS).fetchall():
            peak = _bytes(peaks.get(run_id))
            yield KnownRun(run_id, kept_in, status, _seconds(start, end), tagged.get(run_id, {}), peak)


def known_run(run: Run, mlflow_experiment: str = "") -> KnownRun:
    """Return what a plan knows of a run of MLflow's, which itself has only the id of its MLflow experiment."""
    info, own = run.info, {name: value for name, value in run.data.tags.items() if name in READ}
    peak = _bytes(run.data.metrics.get(PEAK))
    return KnownRun(info.run_id, mlflow_experiment, info.status, _seconds(info.start_time, info.end_time), own, peak)


def _seconds(start: int, end: int | None) -> float:
    """``start`` and ``end`` are in milliseconds; a run that goes on has no end."""
    return ((end or start) - start) / 1000


def _bytes(peak_mb: float | None) -> float | None:
    return None if peak_mb is None else peak_mb * 1e6


def by_question(runs: Iterable[KnownRun]) -> dict[str, list[KnownRun]]:
    """Group runs by the hash of their question; the order stays."""
    found = defaultdict[str, list[KnownRun]](list)
    for run in runs:
        found[run.question].append(run)
    return found


def sweep_of(runs: Iterable[KnownRun], command: Sequence[str], mlflow_experiment: str) -> KnownRun | None:
    """Return the newest sweep of this command in an MLflow experiment, None if there is none."""
    key = sweep_key(command)
    found = [run for run in runs if run.tags.get(tags.KEY) == key and run.mlflow_experiment == mlflow_experiment]
    return next((run for run in reversed(found) if improves_the_same(run.tags, command)), None)


def improves_the_same(tagged: Mapping[str, str], command: Sequence[str]) -> bool:
    """Whether a sweep with these tags, if it is a search, has the objective of this command."""
    return objective(shlex.split(tagged.get(tags.COMMAND, ""))) == objective(command)
