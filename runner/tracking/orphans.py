"""Ends runs whose process is gone."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from runner.tracking import tags
from runner.tracking.models import remove_unfinished
from runner.tracking.paging import experiment_ids, paged
from runner.tracking.process import identity, is_alive
from runner.tracking.run import end_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def owner_tags() -> dict[str, str]:
    """Return tags that identify this process by its number and start: a number alone is used again after a while."""
    return {tags.HOST: socket.gethostname(), tags.PROCESS: identity(os.getpid())}


def end_orphans(client: MlflowClient) -> int:
    """Mark as KILLED the RUNNING runs whose process on this machine is gone. Returns their number."""
    orphans, _ = running_here(client)
    for run in orphans:
        remove_unfinished(client, run)
        end_run(client, run.info.run_id, "KILLED", "its process died without a word; what it had measured is kept")
    return len(orphans)


def running_here(client: MlflowClient) -> tuple[list[Run], list[Run]]:
    """Return the RUNNING runs of this machine: those whose process is gone, and those that go on."""
    host = socket.gethostname().replace("'", "")
    condition = f"attributes.status = 'RUNNING' AND tags.`{tags.HOST}` = '{host}'"
    orphans, alive = list["Run"](), list["Run"]()
    for run in paged(client.search_runs, experiment_ids(client), condition):
        (alive if is_alive(run.data.tags.get(tags.PROCESS, "")) else orphans).append(run)
    return orphans, alive
