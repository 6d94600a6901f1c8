"""Runs whose process is gone."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import psutil

from runner.tracking.run import NOTE_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CLOCK_SECONDS = 60.0
"""A process's start is counted from the boot, whose time moves when the clock is set."""

HOST_TAG, PROCESS_TAG = "runner.host", "runner.process"


def owner_tags() -> dict[str, str]:
    """Tags that say which process keeps a run going: its number alone is used again after a while."""
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: _identity(os.getpid())}


def end_orphans(client: MlflowClient) -> int:
    """Marks as KILLED what says RUNNING while its process on this machine is gone. Returns how many."""
    count = 0
    for run in _running_here(client):
        if _is_alive(run.data.tags.get(PROCESS_TAG, "")):
            continue
        note = run.data.tags.get(NOTE_TAG, "")
        reason = "The process of this run died without a word; what it had measured is kept."
        client.set_tag(run.info.run_id, NOTE_TAG, f"{reason}\n\n{note}".strip())
        client.set_terminated(run.info.run_id, "KILLED")
        count += 1
    return count


def _running_here(client: MlflowClient) -> list[Run]:
    host = socket.gethostname().replace("'", "")
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(everywhere, f"attributes.status = 'RUNNING' AND tags.`{HOST_TAG}` = '{host}'"))


def _identity(pid: int) -> str:
    return f"{pid} {psutil.Process(pid).create_time():.0f}"


def _is_alive(identity: str) -> bool:
    try:
        pid, started = identity.split()
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < CLOCK_SECONDS
    except (psutil.NoSuchProcess, ValueError):
        return False
