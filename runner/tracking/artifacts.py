"""Artifacts at an address, without asking the store for the address first."""

from __future__ import annotations

from typing import Any


def repository(location: str, tracking_uri: str) -> Any:
    """MLflow's access to the files at ``location``: ``log_artifacts``, ``download_artifacts``, ``delete_artifacts``.

    ``location`` is the artifact URI of a run or the location of a logged model. MLflow's client would ask the store for
    it at each call, and cannot delete at all. Raises what MLflow raises.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(location, tracking_uri)
