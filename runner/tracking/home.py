"""The folders to which the MLflow experiments of a local store write: MLflow keeps absolute addresses."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from os.path import exists, samefile
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from experiments.reporting.commands import command, override
from runner.errors import StoreError
from runner.tracking.database import KeptExperiment

ARTIFACTS = "artifacts"
"""The subfolder of a store that has a folder for each MLflow experiment."""

OF_A_SERVER = "mlflow-artifacts:"
"""The scheme of addresses that only the server which made an experiment can resolve."""


def root(store: Path) -> str:
    """Return the address below which a store keeps all artifacts."""
    return (store / ARTIFACTS).as_uri()


def location(store: Path, experiment: str) -> str:
    """Return the address for the artifacts of an MLflow experiment."""
    return (store / ARTIFACTS / _folder_name(experiment)).as_uri()


def elsewhere(store: Path, kept: Iterable[KeptExperiment]) -> list[Path]:
    """Return where a store was before it was moved or copied, if its experiments still keep their artifacts there."""
    homes = {home for experiment in kept if (home := _home(experiment)) is not None}
    return sorted(home for home in homes if not _is_same(home, store))


def require_home(store: Path, kept: Sequence[KeptExperiment]) -> None:
    """Raise StoreError if the experiments of a store keep their artifacts :func:`elsewhere`.

    A new run would write there, and make the old place anew.
    """
    if homes := elsewhere(store, kept):
        is_whole = {_home(experiment) for experiment in kept} - {None} == {homes[0]}
        raise StoreError(
            f"tracking.dir: the store {store} was made as {homes[0]} and looks for its artifacts there; "
            f"let it keep them here ({_relocate(store)}), or {_otherwise(store, homes[0], is_whole)}"
        )


def require_own(experiments: Sequence[KeptExperiment], wanted: Iterable[str]) -> None:
    """Raise StoreError if a wanted MLflow experiment gives its artifacts to a server."""
    for experiment in experiments:
        if experiment.name in wanted and experiment.location.startswith(OF_A_SERVER):
            raise StoreError(
                f"tracking.experiment: the MLflow experiment {experiment.name!r} was made by an MLflow server, which "
                f"alone can write its artifacts ({experiment.location}); name another one with tracking.experiment, "
                "or write through the server with tracking=server"
            )


def is_astray(experiment: KeptExperiment) -> bool:
    """Return whether it is MLflow's own experiment, Default, which writes to what then was the working folder.

    That may be the store itself; in ``artifacts/`` it is found again when the store has moved.
    """
    path = path_of(experiment.location)
    return experiment.id == 0 and path is not None and path.parts[-2:] == ("mlruns", "0")


def _home(experiment: KeptExperiment) -> Path | None:
    """Return the store for which an experiment's :func:`location` was made; None if somebody chose another one."""
    path = path_of(experiment.location)
    if path is None or path.parts[-2:] != (ARTIFACTS, _folder_name(experiment.name)):
        return None
    return path.parents[1]


def path_of(location: str) -> Path | None:
    """Return the folder of an address; None if it is none of this machine's."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(location) if location.startswith("/") else None


def _folder_name(experiment: str) -> str:
    return quote(experiment, safe=" ")


def _is_same(home: Path, store: Path) -> bool:
    """Return whether two paths lead to one folder, be it through links."""
    return home == store or (exists(home) and samefile(home, store))


def _relocate(store: Path) -> str:
    return command("relocate", override("tracking.dir", str(store)), module="runner.store")


def _otherwise(store: Path, home: Path, is_whole: bool) -> str:
    """Return what also works: the original if it is still there, to undo the move if its place is free, a new store."""
    if exists(home / "mlflow.db"):
        return f"use the original ({shlex.quote(override('tracking.dir', str(home)))})"
    if is_whole and not exists(home):
        back = shlex.join(["mv", str(store), str(home)])
        if not exists(home.parent):
            back = f"{shlex.join(['mkdir', '-p', str(home.parent)])} && {back}"
        return f"move it back ({back})"
    return "begin a new one (tracking.dir=ANOTHER)"
