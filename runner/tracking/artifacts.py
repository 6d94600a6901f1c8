"""Artifacts at an address, without asking the store for the address first."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Run


def repository(location: str, tracking_uri: str) -> Any:
    """MLflow's access to the files at ``location``: ``log_artifacts``, ``download_artifacts``, ``delete_artifacts``.

    ``location`` is the artifact URI of a run or the location of a logged model. MLflow's client would ask the store for
    it at each call, and cannot delete at all. Raises what MLflow raises.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(location, tracking_uri)


def read_text(run: Run, path: str, tracking_uri: str) -> str | None:
    """Return the content of a run's artifact in UTF-8; None if there is none that can be read."""
    from mlflow.exceptions import MlflowException

    is_here = run.info.artifact_uri.startswith(("file:", "/"))
    try:
        files = repository(run.info.artifact_uri, tracking_uri)
        with TemporaryDirectory(prefix="artifact-") as scratch:
            local = Path(files.download_artifacts(path, None if is_here else scratch))
            return local.read_bytes().decode()
    except (MlflowException, OSError, UnicodeDecodeError):
        return None
