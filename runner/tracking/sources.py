"""Finds trained models: in the registry, in runs, in files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.experiment import Experiment
from experiments.networks.saving import checksums, foreign
from experiments.recorder import CALIBRATION_FILE, MODEL_FILE, TEST_SET_FILE, Source
from experiments.reporting.commands import command
from experiments.validators import suggestion
from runner.config.schema import experiments
from runner.errors import UserError
from runner.tracking import tags
from runner.tracking.artifacts import repository
from runner.tracking.paging import experiment_ids, paged
from runner.tracking.store import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

LATEST = "latest"

MLFLOW_MODEL = "model"
"""The folder to which an MLflow model is copied."""

RUN_ID = re.compile(r"(?:runs:/)?([0-9a-f]{32})")
REGISTERED = re.compile(r"(?P<scheme>models:/)?(?P<name>[^/@:]+)(?:/(?P<version>\d+)|@(?P<alias>[^/@]+))?")

MOST_RUNS, MOST_NAMES = 50, 10
"""The number of runs that are searched for a model, and the number of names in a message."""


class SourceNotFound(UserError):
    """There is no such model; the message says what there is."""


def find(
    client: MlflowClient, wanted: str, scratch: Path, sweep: str | None = None, store_words: Sequence[str] = ()
) -> Source:
    """Return the model that ``wanted`` names (see :attr:`experiments.experiment.Experiment.sources`).

    The latest model is one of the ``sweep``'s, by the id of its run, if that has trained any.
    ``store_words`` name the store in a command. Files of the store are copied to ``scratch``. Raises SourceNotFound.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        if wanted == LATEST:
            return _latest(client, scratch, sweep, store_words)
        if found := RUN_ID.fullmatch(wanted):
            return _of_run_id(client, found.group(1), scratch)
        if _is_path(wanted):
            return _of_path(Path(os.path.expanduser(wanted)).absolute())
        if found := REGISTERED.fullmatch(wanted):
            return _registered(client, found, scratch)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise SourceNotFound(f"the store cannot give it: {first_line(error)}") from None
    raise SourceNotFound(
        "this is no model's name, no run's id, and no file; write latest, NAME/VERSION, NAME@ALIAS, ..."
    )


def require_source_files(experiment: Experiment) -> None:
    """Raise UserError for the first model of an experiment that is named by a path and is not there, or is none."""
    for field in experiment.sources:
        wanted = str(getattr(experiment, field))
        if _is_path(wanted):
            try:
                _of_path(Path(wanted).expanduser().absolute())
            except SourceNotFound as missing:
                raise UserError(f"experiment.{field}={wanted}: {missing}") from missing


def _is_path(wanted: str) -> bool:
    looks_so = wanted.startswith(("/", "./", "../", "~")) or wanted.endswith(".keras")
    return looks_so or (not wanted.startswith("models:/") and "/" in wanted and os.path.exists(wanted))


def _of_path(path: Path) -> Source:
    try:
        return _source_in(path)
    except OSError as error:
        raise SourceNotFound(f"{path} cannot be read ({error.strerror})") from None


def _source_in(path: Path) -> Source:
    folder, model = (path, path / MODEL_FILE) if path.is_dir() else (path.parent, path)
    if not path.exists():
        raise SourceNotFound(f"there is no {path}{_files_near(path)}")
    if not model.is_file() or model.suffix != ".keras":
        raise SourceNotFound(foreign.described(path))
    # A folder called model beside the file may be any MLflow model, and so may run any code.
    test_set, calibration, _ = _beside(folder)
    return Source(str(path), model, test_set, calibration, facts={"path": str(path)})


def _files_near(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    models = sorted(found.name for found in path.parent.iterdir() if found.suffix == ".keras")
    return f"; in its folder there are {_listed(models)}" if models else ""


def _beside(folder: Path) -> tuple[Path | None, Path | None, Path | None]:
    """Return the test set, calibration inputs and MLflow model in ``folder``; None for each that is absent."""
    test_set, calibration, mlflow_model = (folder / name for name in (TEST_SET_FILE, CALIBRATION_FILE, MLFLOW_MODEL))
    return (
        test_set if test_set.is_file() else None,
        calibration if calibration.is_file() else None,
        mlflow_model if (mlflow_model / "MLmodel").is_file() else None,
    )


def _latest(client: MlflowClient, scratch: Path, sweep: str | None, store_words: Sequence[str]) -> Source:
    """Return the model of the newest finished run that has one, of all experiments that declare ``leaves_models``.

    A sweep that trains gets its own models or none: neither those of others, nor old ones where its training failed.
    """
    trainers = [kind.name for kind in experiments() if kind.leaves_models]
    own = [run for trainer in trainers for run in _ended(client, trainer, sweep)] if sweep else []
    finished = [run for run in own if run.info.status == "FINISHED"]
    for run in _newest_first(finished if own else [run for trainer in trainers for run in _finished(client, trainer)]):
        if _has_model(client, run):
            return _of_run(client, run, scratch)
    if own:
        raise SourceNotFound("the training of this sweep has left no model; its run says why")
    raise SourceNotFound(
        f"no run of {' or '.join(f'experiment={name}' for name in trainers)} has left a model in this store; "
        f"run '{command(f'experiment={trainers[0]}', *store_words)}' first, or name a file"
    )


def _newest_first(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run.info.start_time, reverse=True)


def _finished(client: MlflowClient, experiment: str) -> list[Run]:
    """Return the newest finished runs of an experiment."""
    return _search(client, f"attributes.status = 'FINISHED' AND tags.`{tags.EXPERIMENT}` = '{experiment}'")


def _ended(client: MlflowClient, experiment: str, sweep: str) -> list[Run]:
    """Return the newest runs of an experiment within a sweep that have ended in any way."""
    runs = _search(client, f"tags.`{tags.PARENT}` = '{sweep}' AND tags.`{tags.EXPERIMENT}` = '{experiment}'")
    return [run for run in runs if run.info.status != "RUNNING"]


def _search(client: MlflowClient, wanted: str) -> list[Run]:
    """Return the newest runs that meet a condition, whichever MLflow experiments they are kept in."""
    newest_first = ["attributes.start_time DESC"]
    return list(client.search_runs(experiment_ids(client), wanted, max_results=MOST_RUNS, order_by=newest_first))


def _of_run_id(client: MlflowClient, run_id: str, scratch: Path) -> Source:
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException:
        raise SourceNotFound("there is no run of this id in this store") from None
    if not _has_model(client, run):
        raise SourceNotFound(f"this run has left no model; it has {_listed(_files_of(client, run))}")
    return _of_run(client, run, scratch)


def _has_model(client: MlflowClient, run: Run) -> bool:
    return bool(_logged_models(run)) or MODEL_FILE in _files_of(client, run)


def _files_of(client: MlflowClient, run: Run) -> list[str]:
    return [file.path for file in client.list_artifacts(run.info.run_id)]


def _logged_models(run: Run) -> list[str]:
    """Return the ids of the run's logged models, the last one first."""
    outputs = run.outputs.model_outputs if run.outputs else []
    return [output.model_id for output in sorted(outputs, key=lambda output: -output.step)]


def _of_run(client: MlflowClient, run: Run, scratch: Path) -> Source:
    _download_files(client, run, (MODEL_FILE, TEST_SET_FILE, CALIBRATION_FILE), scratch)
    expected = None
    if logged := _logged_models(run):
        newest = client.get_logged_model(logged[0])
        _download_model(client, newest.artifact_location, scratch)
        expected = newest.tags.get(tags.SHA256)
    title = f"the model of run {run.info.run_name} ({run.info.run_id[:8]})"
    return Source(title, _keras_file(scratch, expected), *_beside(scratch), facts={"run_id": run.info.run_id})


def _download_files(client: MlflowClient, run: Run, names: Iterable[str], scratch: Path) -> None:
    for name in set(names) & set(_files_of(client, run)):
        client.download_artifacts(run.info.run_id, name, str(scratch))


def _download_model(client: MlflowClient, location: str, scratch: Path) -> None:
    """Copy the MLflow model at ``location`` to the folder ``model``."""
    (scratch / MLFLOW_MODEL).mkdir()
    repository(location, client.tracking_uri).download_artifacts("", str(scratch / MLFLOW_MODEL))


def _keras_file(scratch: Path, expected: str | None) -> Path:
    """Return ``model.keras``, else the file in the MLflow model, if its SHA-256 is ``expected`` (None: any)."""
    found = [scratch / MODEL_FILE, *sorted((scratch / MLFLOW_MODEL).rglob("*.keras"))]
    model = next((path for path in found if path.is_file()), None)
    if model is None:
        raise SourceNotFound("its model is not a .keras file")
    for path in (path for path in found if path.is_file() and expected):
        if checksums.sha256(path) != expected:
            raise SourceNotFound(f"its {path.name} has changed since it was logged: its SHA-256 is another one")
    return model


def _registered(client: MlflowClient, wanted: re.Match[str], scratch: Path) -> Source:
    """Return a version of a registered model: the newest one if neither version nor alias is named."""
    from mlflow.exceptions import MlflowException

    name, number, alias = wanted["name"], wanted["version"], wanted["alias"]
    try:
        registered = client.get_registered_model(name)
    except MlflowException:
        names = [model.name for model in paged(client.search_registered_models)]
        there_is = f"there are {_listed(names)}" if names else "there is none; a path begins with ./ or /"
        raise SourceNotFound(f"no model {name!r} is registered{suggestion(name, names)}; {there_is}") from None
    found = paged(client.search_model_versions, f"name = '{name}'")
    versions = sorted(found, key=lambda version: int(version.version))
    if alias is not None:
        number = str(registered.aliases.get(alias, ""))
        if not number:
            there_is = f"there are {_listed(registered.aliases)}" if registered.aliases else "it has none"
            raise SourceNotFound(f"the model {name!r} has no alias {alias!r}; {there_is}")
    if not versions:
        raise SourceNotFound(f"the model {name!r} has no versions")
    version = versions[-1] if number is None else next((one for one in versions if str(one.version) == number), None)
    if version is None:
        numbers = [str(version.version) for version in versions]
        raise SourceNotFound(f"the model {name!r} has no version {number}; it has {_listed(numbers)}")
    # The model comes from the version itself; only the other files come from its run.
    _download_model(client, _location(client, version), scratch)
    if version.run_id:
        _download_files(client, client.get_run(version.run_id), (TEST_SET_FILE, CALIBRATION_FILE), scratch)
    facts = {"model": name, "version": str(version.version), "run_id": version.run_id or ""}
    title = f"{name}, version {version.version}{f' (@{alias})' if alias else ''}"
    model = _keras_file(scratch, version.tags.get(tags.SHA256))
    return Source(title, model, *_beside(scratch), facts={key: value for key, value in facts.items() if value})


def _location(client: MlflowClient, version: ModelVersion) -> str:
    if version.model_id:
        return str(client.get_logged_model(version.model_id).artifact_location)
    return str(client.get_model_version_download_uri(version.name, version.version))


def _listed(names: Iterable[str]) -> str:
    """List the first few names in words, and say how many more there are."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(names[:MOST_NAMES]) + more) or "nothing"
