"""Finds the run that a user names: by its id, the beginning of it, its name, or as the latest one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from experiments.reporting.text import listed, on_one_line, shortened
from runner.errors import UserError
from runner.tracking import tags
from runner.tracking.paging import experiment_ids, paged
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LATEST = re.compile(r"latest(?:~(\d+))?")
BEGIN_OF_ID = re.compile(r"[0-9a-f]{4,32}")
PAGE = 200
MOST_LETTERS = 80
SHORT_ID = 8
"""So many letters of an id are shown; they nearly always suffice to name the run."""


def find_run(client: MlflowClient, word: str) -> Run:
    """Return the run that ``word`` names. Raises UserError if there is none, or more than one, and StoreError.

    ``latest`` is the newest command that has ended with an answer, which is a FINISHED run or a sweep; ``latest~1`` is
    the one before.
    """
    if is_latest := LATEST.fullmatch(word):
        return _latest(client, word, int(is_latest[1] or 0))
    found = _called(client, word)
    if not found:
        raise UserError(
            f"{shown(word)}: there is no such run; give its id, the beginning of its id, its name, or latest"
        )
    if len(found) > 1:
        names = listed([f"{run.info.run_id[:SHORT_ID]} ({began(run)})" for run in found])
        raise UserError(f"{shown(word)}: {len(found)} runs are called so; give the id of one: {names}")
    return found[0]


def shown(word: str) -> str:
    """Return how an error repeats what names a run: on one line, and not too long."""
    return shortened(on_one_line(word), MOST_LETTERS) or "''"


def began(run: Run) -> str:
    """Return when a run began, in local time."""
    return moment(run.info.start_time)


def moment(milliseconds: int) -> str:
    """Return a time since 1970 as local time."""
    return f"{datetime.fromtimestamp(milliseconds / 1000):%Y-%m-%d %H:%M:%S}"


def search(client: MlflowClient, condition: str = "", order: str = "DESC", page_size: int = PAGE) -> Iterator[Run]:
    """Yield the runs that fulfil an MLflow condition, whichever MLflow experiment they are in.

    The newest come first, with ``order="ASC"`` the oldest. They are read page by page, as far as the caller goes.
    """
    with store_errors():
        yield from paged(
            client.search_runs,
            experiment_ids(client),
            condition,
            max_results=page_size,
            order_by=[f"attributes.start_time {order}"],
        )


def _latest(client: MlflowClient, word: str, back: int) -> Run:
    number = 0
    for run in search(client):
        is_command = tags.PARENT not in run.data.tags and run.info.status != "RUNNING"
        if is_command and (run.info.status == "FINISHED" or tags.KEY in run.data.tags):
            if number == back:
                return run
            number += 1
    raise UserError(
        f"{word}: there is no such run: the number of commands with an answer (FINISHED runs, and sweeps) is {number}; "
        "name a run by its id"
    )


def _called(client: MlflowClient, word: str) -> list[Run]:
    """Return the runs with this id, or else those with this name or with an id that begins so, the newest first."""
    pattern = word.replace("'", "_")  # any letter: MLflow's conditions know no way to write a quote
    found = {run.info.run_id: run for run in search(client, f"attributes.run_name LIKE '{pattern}'")}
    runs = [run for run in found.values() if run.info.run_name == word]
    if BEGIN_OF_ID.fullmatch(word):
        by_id = list(search(client, f"attributes.run_id LIKE '{word}%'"))
        if len(word) == 32 and by_id:
            return by_id
        runs += [run for run in by_id if run.info.run_id not in found]
    return runs
