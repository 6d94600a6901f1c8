"""Writes the models of one run: logs them as they come, registers them when the run finishes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from runner import messages
from runner.addresses import without_user
from runner.tracking import mlflow_model, model_scores, tags
from runner.tracking.artifacts import repository
from runner.tracking.paging import experiment_ids, paged
from runner.tracking.registry import Registered, Registry, remove_if_empty
from runner.tracking.retries import if_possible
from runner.tracking.usage import usage

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

DESCRIPTION_LENGTH = 5000
"""The longest description of a version that MLflow takes."""


@dataclass(frozen=True)
class _Logged:
    """A logged model in the store."""

    id: str
    record: messages.ModelRecord


class RunModels:
    """Writes the models of a run. If a step fails, the steps before it are undone.

    First all files are written, then the logged model becomes READY, then the run points at it. Versions are made only
    at the end of a run that finishes. Raises what MLflow, its database and the disk raise.
    """

    def __init__(self, client: MlflowClient, run: Run) -> None:
        """Write the models of ``run``, which is RUNNING."""
        self._client = client
        self._run_id: str = run.info.run_id
        self._experiment_id: str = run.info.experiment_id
        self._fingerprint: str = run.data.tags.get(tags.FINGERPRINT, "")
        self._latest: dict[str, _Logged] = {}

    def log(self, model: messages.ModelRecord) -> None:
        """Store a model as a logged model of the run. On return all of it is stored."""
        from mlflow.entities import LoggedModelOutput

        hash_ = mlflow_model.sha256(model)
        with ExitStack() as undo:
            logged = self._client.create_logged_model(
                self._experiment_id,
                name=model.name,
                source_run_id=self._run_id,
                tags=self._tagged(hash_),
                params={name: str(value) for name, value in model.metadata.items()},
                model_type="keras",
            )
            undo.callback(if_possible, _remove, self._client, logged)
            with TemporaryDirectory(prefix="model-") as scratch:
                mlflow_model.write(Path(scratch), model, logged)
                self._client.log_model_artifacts(logged.model_id, scratch)
            self._client.finalize_logged_model(logged.model_id, "READY")
            self._client.log_outputs(self._run_id, [LoggedModelOutput(logged.model_id, model.step)])
            model_scores.link(self._client, self._run_id, logged.model_id, model.card.scores)
            undo.pop_all()
        self._latest[model.name] = _Logged(logged.model_id, model)

    @contextmanager
    def registered(self) -> Iterator[list[str]]:
        """Register the newest model of each name; an error inside the ``with`` block removes the versions again.

        Gives what was decided, and how to use the models, as paragraphs of Markdown.
        """
        with ExitStack() as undo:
            said = []
            for logged in self._latest.values():
                where = f"models:/{logged.id}"
                if logged.record.registered_name is not None:
                    registered = self._register(logged, logged.record.registered_name, undo)
                    said += registered.decisions
                    where = registered.address
                said.append(self._usage(logged, where))
            yield said
            undo.pop_all()

    def _register(self, logged: _Logged, wanted: str, undo: ExitStack) -> Registered:
        """Make a version of the registered model, which itself is made if need be."""
        registry, card = Registry(self._client, self._run_id, undo), logged.record.card
        name, why = registry.named(wanted, card.for_one_question)
        source = self._client.get_logged_model(logged.id).artifact_location
        version = registry.version(name, source, logged.id, self._tagged(mlflow_model.sha256(logged.record)))
        registered = Registered(name, version, [why] if why else [])
        if card.alias is not None:
            registered.decisions.append(registry.promotion(registered, card.alias))
        scores = model_scores.in_words(self._client, self._run_id, card.scores)
        parts = [scores, *registered.decisions, self._usage(logged, registered.address)]
        described = "\n\n".join(part for part in parts if part)
        self._client.update_model_version(name, version, described[:DESCRIPTION_LENGTH])
        return registered

    def _usage(self, logged: _Logged, address: str) -> str:
        return usage(logged.record, address, without_user(self._client.tracking_uri))

    def _tagged(self, sha256: str) -> dict[str, str]:
        tagged = {tags.SHA256: sha256, tags.RUN_ID: self._run_id, tags.FINGERPRINT: self._fingerprint}
        return {name: value for name, value in tagged.items() if value}


def logged_models(client: MlflowClient) -> Iterator[LoggedModel]:
    """Yield all logged models of a store. Raises what MLflow raises."""
    return paged(client.search_logged_models, experiment_ids(client))


def model_versions(client: MlflowClient) -> Iterator[ModelVersion]:
    """Yield all versions of all registered models. Raises what MLflow raises."""
    return paged(client.search_model_versions)


def aliases(client: MlflowClient) -> Iterator[tuple[str, str, str]]:
    """Yield each alias of a version: the model's name, the alias and the version. Raises what MLflow raises."""
    for model in paged(client.search_registered_models):
        yield from ((model.name, alias, str(number)) for alias, number in model.aliases.items())


def remove_unfinished(client: MlflowClient, run: Run) -> None:
    """Remove what a run was writing when its process died: unfinished models, and their versions."""
    from mlflow.entities import LoggedModelStatus

    for version in list(paged(client.search_model_versions, f"run_id = '{run.info.run_id}'")):
        if_possible(client.delete_model_version, version.name, version.version)
    for made in list(paged(client.search_registered_models, f"tags.`{tags.RUN_ID}` = '{run.info.run_id}'")):
        if_possible(remove_if_empty, client, made.name)
    of_the_run = f"source_run_id = '{run.info.run_id}'"
    for logged in list(paged(client.search_logged_models, [run.info.experiment_id], of_the_run)):
        if logged.status == LoggedModelStatus.PENDING:
            if_possible(_remove, client, logged)


def _remove(client: MlflowClient, logged: LoggedModel) -> None:
    if_possible(repository(logged.artifact_location, client.tracking_uri).delete_artifacts)
    if_possible(client.finalize_logged_model, logged.model_id, "FAILED")
    client.delete_logged_model(logged.model_id)
