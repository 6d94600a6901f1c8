"""What is wrong with a local store: its schema, where it stands, runs whose process is gone, missing artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.reporting.commands import command
from experiments.reporting.text import listed
from runner.errors import StoreError
from runner.tracking import revisions, tags
from runner.tracking.database import kept_runs, schema_of, tagged
from runner.tracking.find_run import SHORT_ID
from runner.tracking.home import path_of
from runner.tracking.models import logged_models, model_versions
from runner.tracking.orphans import running_here
from runner.tracking.store import LocalStore

if TYPE_CHECKING:
    from mlflow import MlflowClient

DESCRIBES_A_RUN = "environment.json"
"""The artifact that each run of ours has from its beginning."""

MOST_NAMED = 20
"""So many runs are named in a command."""


def problems(store: LocalStore) -> Iterator[str]:
    """Yield what is wrong with a store, in a sentence each. Changes nothing. Raises StoreError if it cannot be read."""
    if not revisions.is_newest(schema_of(store.database)):
        yield (
            f"{store.database} was made by an older MLflow; the next command that opens the store migrates it and "
            "keeps the one before; nothing else was checked"
        )
        return
    try:
        store.require_home()
    except StoreError as moved:
        yield str(moved).removeprefix("tracking.dir: ")
        return
    client = store.open()
    for look in (_orphans, _runs_without_artifacts, _models_without_files, _versions_without_files):
        yield from look(client, store)


def _orphans(client: MlflowClient, store: LocalStore) -> Iterator[str]:
    orphans, _ = running_here(client)
    if orphans:
        yield (
            f"{_named([run.info.run_id for run in orphans], 'run')} RUNNING, but the process is gone; "
            "the next python -m runner marks them as KILLED"
        )


def _runs_without_artifacts(client: MlflowClient, store: LocalStore) -> Iterator[str]:
    ours = {run_id for run_id, _ in tagged(store.database, tags.FINGERPRINT)}
    lost = [
        run.id for run in kept_runs(store.database) if run.id in ours and _is_missing(run.artifacts, DESCRIBES_A_RUN)
    ]
    if lost:
        prune = command("prune", *(run[:SHORT_ID] for run in lost[:MOST_NAMED]), *store.words, module="runner.store")
        yield f"{_named(lost, 'run')} without artifacts; {prune} tells what is left of them"


def _models_without_files(client: MlflowClient, store: LocalStore) -> Iterator[str]:
    lost = [
        model.model_id
        for model in logged_models(client)
        if model.status == "READY" and _is_missing(model.artifact_location, "MLmodel")
    ]
    if lost:
        yield f"{_named(lost, 'logged model')} without files"


def _versions_without_files(client: MlflowClient, store: LocalStore) -> Iterator[str]:
    lost = [f"{one.name}/{one.version}" for one in model_versions(client) if _is_missing(one.source, "MLmodel")]
    if lost:
        yield f"{listed(lost)}: registered, but without files"


def _named(ids: Sequence[str], what: str) -> str:
    """Return ``2 runs (a and b) are``."""
    plural, verb = ("", "is") if len(ids) == 1 else ("s", "are")
    return f"{len(ids)} {what}{plural} ({listed([one[:SHORT_ID] for one in ids])}) {verb}"


def _is_missing(location: str, file: str) -> bool:
    """Return whether a file is missing at an address of this machine.

    Nothing is said of other addresses, nor of folders of other users that cannot be looked into.
    """
    folder = path_of(location)
    try:
        return folder is not None and not (folder / file).exists()
    except OSError:
        return False
