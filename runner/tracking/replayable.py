"""Finds a stored run that can be run again, and what of its config can be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.experiment import Experiment
from runner.config.question import question_in
from runner.config.schema import experiment_called
from runner.config.stored_config import read_values, require_same_version
from runner.errors import UserError
from runner.tracking import tags
from runner.tracking.artifacts import read_text
from runner.tracking.find_run import find_run, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True)
class Replayable:
    """A stored run, whose config the present experiment of its name still understands."""

    run: Run
    kind: type[Experiment]
    values: Mapping[str, Any]
    """The values of its config under their full keys, the names of choices among them."""


def find_replayable(client: MlflowClient, word: str) -> Replayable:
    """Return the run that ``word`` names.

    Raises UserError if there is none or it cannot be run again, and StoreError.
    """
    run = find_run(client, word)
    try:
        return _replayable(run, client.tracking_uri)
    except UserError as error:
        raise UserError(f"{shown(word)}: {error}") from None


def _replayable(run: Run, tracking_uri: str) -> Replayable:
    if tags.KEY in run.data.tags:
        raise UserError(f"this is a sweep; name one of its jobs, or repeat it: {run.data.tags.get(tags.COMMAND, '')}")
    if run.info.status == "RUNNING":
        raise UserError("this run is still going on; wait for its end")
    name, fingerprint = (run.data.tags.get(tag) for tag in (tags.EXPERIMENT, tags.FINGERPRINT))
    text = read_text(run, "config.yaml", tracking_uri)
    if not text or not name or not fingerprint:
        raise UserError("this run has kept no config (config.yaml and the tags of python -m runner)")
    kind = experiment_called(name)
    if kind is None:
        raise UserError(f"its experiment, {name}, is not installed here")
    # The artifact has the values with their types, and the parameters have the names of choices.
    chosen = {key: run.data.params.get(key) for key in (f"experiment.{group}" for group in kind.choices)}
    values = read_values(text) | {key: value for key, value in chosen.items() if value is not None}
    require_same_version(kind, values, question_in(fingerprint))
    return Replayable(run, kind, values)
