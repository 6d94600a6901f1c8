"""Finds what earlier runs of the same question have left: a checkpoint, a choice to repeat, a run to go on with."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from experiments.recorder import Answered
from runner.tracking import tags
from runner.tracking.run import store_errors
from runner.tracking.same_code import SameCode

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RESULTS = "results.csv"
"""The table that each measuring experiment leaves."""

MOST_RUNS = 20
"""The number of a question's runs that are searched, the newest first."""


def find_earlier(
    client: MlflowClient, experiment_id: str, fingerprint: str, code: SameCode, folder: str, scratch: Path
) -> Path | None:
    """Copy ``folder`` of the newest killed or failed run that has one to ``scratch``, and return the path of the copy.

    Returns None if there is no such run, or if a newer run of the question has finished. Raises StoreError.
    """
    run = find_unfinished(client, experiment_id, fingerprint, code, folder)
    if run is None:
        return None
    with store_errors():
        return Path(client.download_artifacts(run.info.run_id, folder, str(scratch)))


def find_settled(
    client: MlflowClient, experiment_id: str, fingerprint: str, code: SameCode, names: Sequence[str]
) -> dict[str, str]:
    """Return, for each of ``names``, what the newest run of the question that settled it chose.

    Runs that ``code`` does not take do not count. Raises StoreError.
    """
    found: dict[str, str] = {}
    with store_errors():
        for run in _newest(client, experiment_id, fingerprint):
            chosen = {name: run.data.tags[tag] for name in names if (tag := f"{tags.SETTLED}{name}") in run.data.tags}
            if chosen.keys() - found.keys() and code.takes(run):
                found = chosen | found
    return found


def find_answered(client: MlflowClient, experiment_id: str, fingerprint: str) -> Answered | None:
    """Return the newest finished run of the question that has a results.csv, None without one. Raises StoreError."""
    with store_errors(), TemporaryDirectory(prefix="earlier-") as scratch:
        for run in _newest(client, experiment_id, fingerprint):
            files = {file.path for file in client.list_artifacts(run.info.run_id)}
            if run.info.status == "FINISHED" and RESULTS in files:
                with open(client.download_artifacts(run.info.run_id, RESULTS, scratch), newline="") as file:
                    rows = list(csv.DictReader(file))
                began = datetime.fromtimestamp(run.info.start_time / 1000)
                return Answered(run.info.run_name, f"{began:%Y-%m-%d %H:%M}", rows)
    return None


def find_unfinished(
    client: MlflowClient,
    experiment_id: str,
    fingerprint: str,
    code: SameCode,
    folder: str,
    parent: str | None = None,
) -> Run | None:
    """Find the newest killed or failed run of the question that has ``folder``, among the jobs of ``parent`` if given.

    Returns None if there is no such run that ``code`` takes, or if a newer run of the question has finished. Raises
    StoreError.
    """
    with store_errors():
        for run in _newest(client, experiment_id, fingerprint):
            if parent is not None and run.data.tags.get(tags.PARENT) != parent:
                continue
            if run.info.status == "FINISHED":
                return None
            is_one = run.info.status != "RUNNING" and client.list_artifacts(run.info.run_id, folder)
            if is_one and code.takes(run):
                return run
    return None


def read_numbered(client: MlflowClient, run: Run, folder: str) -> list[bytes]:
    """Return the content of a run's artifacts ``folder/1.json``, ``folder/2.json`` and so on. Raises StoreError.

    One that is not whole, as a power cut leaves it, ends them.
    """
    with store_errors(), TemporaryDirectory(prefix="earlier-") as scratch:
        found = Path(client.download_artifacts(run.info.run_id, folder, scratch))
        paths = (found / f"{number}.json" for number in itertools.count(1))
        contents = (path.read_bytes() for path in itertools.takewhile(Path.exists, paths))
        return list(itertools.takewhile(_is_whole, contents))


def _is_whole(content: bytes) -> bool:
    """Whether it is JSON to its end."""
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def turns_of(run: Run, processes: int) -> list[str]:
    """Return the turns of a run's first ``processes`` processes; one that is not known was shared with nobody."""
    known = run.data.tags.get(tags.TURNS, "").split()[:processes]
    return [*known, *(f"{run.info.run_id}.{number}" for number in range(len(known), processes))]


def _newest(client: MlflowClient, experiment_id: str, fingerprint: str) -> list[Run]:
    """Return the runs of a question, the newest first."""
    return list(
        client.search_runs(
            [experiment_id],
            f"tags.`{tags.FINGERPRINT}` = '{fingerprint}'",
            max_results=MOST_RUNS,
            order_by=["attributes.start_time DESC"],
        )
    )
