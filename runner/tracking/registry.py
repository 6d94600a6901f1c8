"""Under which name and alias a run's model enters the registry.

A name belongs to the question of the run that made it. A model that asks for a name of its own question alone gets a
suffix where the name is another question's. An alias passes on only to a version that is better for certain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from experiments.measure.contest import Contest, Judged, contest
from experiments.recorder import JUDGED_FILE
from experiments.reporting.commands import override
from experiments.reporting.text import listed
from runner.tracking import tags
from runner.tracking.paging import paged
from runner.tracking.retries import if_possible

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

NAMING = ("experiment.registered_name", "experiment.promote")
"""The keys that only say where the registry keeps a model."""

SUFFIX_LENGTH = 8

MOST_DIFFERENCES = 3


@dataclass
class Registered:
    """A version of a registered model."""

    name: str
    version: str
    decisions: list[str] = field(default_factory=list)
    """What was decided on its name and alias, and why: sentences of Markdown."""

    @property
    def address(self) -> str:
        """Its address for MLflow."""
        return f"models:/{self.name}/{self.version}"


class Registry:
    """Registers models of one run. What it has done is undone by ``undo``; raises what MLflow raises."""

    def __init__(self, client: MlflowClient, run_id: str, undo: ExitStack) -> None:
        self._client, self._run_id, self._undo = client, run_id, undo

    def named(self, wanted: str, for_one_question: bool) -> tuple[str, str]:
        """Return the registered model for a version, which is made if need be, and why it is not ``wanted``."""
        if self._begin(wanted) or not for_one_question:
            return wanted, ""
        own, other = _asked(self._client, self._run_id), self._question_of(wanted)
        if own == other:
            return wanted, ""
        name = f"{wanted}-{_hash(own)[:SUFFIX_LENGTH]}"
        self._begin(name)
        return name, (
            f"The name `{wanted}` is that of another question ({_differences(own, other)}), so this model is `{name}`; "
            f"`{override(NAMING[0], wanted)}` makes it the next version all the same."
        )

    def version(self, name: str, source: str, model_id: str, tagged: Mapping[str, str]) -> str:
        """Make a version of a registered model, and return its number."""
        version = str(
            self._client.create_model_version(
                name, source=source, run_id=self._run_id, tags=dict(tagged), model_id=model_id
            ).version
        )
        self._undo.callback(if_possible, self._client.delete_model_version, name, version)
        # A server has written this already; where the database is opened directly, only MLflow's fluent API does.
        versions = json.dumps([{"name": name, "version": int(version)}])
        self._client.set_logged_model_tags(model_id, {tags.MODEL_VERSIONS: versions})
        self._undo.callback(if_possible, self._client.delete_logged_model_tag, model_id, tags.MODEL_VERSIONS)
        return version

    def promotion(self, registered: Registered, alias: str) -> str:
        """Give the version the alias if it is better than the version that has it; return what was decided."""
        name, version = registered.name, registered.version
        holder = self._client.get_registered_model(name).aliases.get(alias)
        found = Contest(True, "no version had it before") if holder is None else self._contest(name, str(holder))
        if not found.is_won:
            return (
                f"Version {version} is **not** `@{alias}`: version {holder} stays it, as the new one is not better for "
                f"certain. {_sentence(found.words)}"
            )
        self._client.set_registered_model_alias(name, alias, version)
        if holder is None:
            self._undo.callback(if_possible, self._client.delete_registered_model_alias, name, alias)
        else:
            self._undo.callback(if_possible, self._client.set_registered_model_alias, name, alias, str(holder))
        before = f" instead of version {holder}" if holder is not None else ""
        return f"Version {version} is now `@{alias}`{before}. {_sentence(found.words)}"

    def _contest(self, name: str, holder: str) -> Contest:
        """Compare this run's model with that of a version."""
        new = self._judged(self._run_id)
        old = self._judged(self._client.get_model_version(name, holder).run_id)
        if new is None or old is None:
            whose = "the new version" if new is None else f"version {holder}"
            return Contest(False, f"the store does not have how {whose} did on each test example ({JUDGED_FILE})")
        return contest(new, old)

    def _judged(self, run_id: str | None) -> Judged | None:
        from mlflow.exceptions import MlflowException

        if not run_id:
            return None
        with TemporaryDirectory(prefix="judged-") as scratch:
            try:
                return Judged.from_bytes(
                    Path(self._client.download_artifacts(run_id, JUDGED_FILE, scratch)).read_bytes()
                )
            except (MlflowException, OSError, ValueError):
                return None

    def _begin(self, name: str) -> bool:
        """Make a registered model. Returns whether it is new."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name, tags={tags.RUN_ID: self._run_id})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return False
        self._undo.callback(if_possible, remove_if_empty, self._client, name)
        return True

    def _question_of(self, name: str) -> Mapping[str, str]:
        """Return the question of the run that made a registered model, or else of its first version's run."""
        found = self._client.get_registered_model(name)
        return _asked(self._client, found.tags.get(tags.RUN_ID) or self._first_run(found))

    def _first_run(self, found: RegisteredModel) -> str | None:
        versions = list(paged(self._client.search_model_versions, f"name = '{found.name}'"))
        return min(versions, key=lambda version: int(version.version)).run_id if versions else self._run_id


def remove_if_empty(client: MlflowClient, name: str) -> None:
    """Remove a registered model unless another run has registered a version of it in the meantime."""
    if not client.search_model_versions(f"name = '{name}'"):
        client.delete_registered_model(name)


def _asked(client: MlflowClient, run_id: str | None) -> Mapping[str, str]:
    """Return the values of a run's config that belong to its question; none for a run that is gone, or was none."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return {}
    try:
        values: Mapping[str, str] = client.get_run(run_id).data.params
    except MlflowException:
        return {}
    return {key: value for key, value in values.items() if key not in NAMING}


def _hash(question: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _differences(own: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return the first values that differ, in words."""
    if not other:
        return "of a run that is no longer there"
    keys = [key for key in {**own, **other} if own.get(key) != other.get(key)]
    told = [f"`{key}`: {other.get(key, 'none')} there, {own.get(key, 'none')} here" for key in keys]
    return listed(told, MOST_DIFFERENCES)


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."
