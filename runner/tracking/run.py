"""Writes one run to the store."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from experiments.recorder import THIS_RUN
from runner.errors import StoreError
from runner.messages import DatasetRecord, Metric, ModelRecord, Record, Settled
from runner.tracking import mlflow_dataset, tags
from runner.tracking.answer_page import AnswerPage
from runner.tracking.artifacts import repository
from runner.tracking.description import picture
from runner.tracking.models import RunModels
from runner.tracking.retries import without_retries
from runner.tracking.run_contents import RunContents
from runner.tracking.store import Store, first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PARAMETER_LENGTH, NOTE_LENGTH, TAG_LENGTH = 6000, 8000, 5000
"""The longest values that MLflow accepts."""


class TrackedRun:
    """A run in the store, from RUNNING to its end."""

    def __init__(self, store: Store, client: MlflowClient, run: Run) -> None:
        """Continue writing ``run``."""
        self._client = client
        self._contents = RunContents()
        self._tracked_models = RunModels(client, run)
        self._known_not_finite: list[str] = []
        """As the store has it."""
        self._started: int = run.info.start_time
        self._described = ""
        """The description as the store has it."""
        self._page = AnswerPage(run)
        self.seconds = 0.0
        """The run's duration as the store has it; 0 until it ends."""
        self.id: str = run.info.run_id
        self.experiment_id: str = run.info.experiment_id
        self.link = store.link(run.info.experiment_id, self.id)
        self.ui_hint = store.ui_hint
        self._artifact_uri: str = run.info.artifact_uri

    @classmethod
    def create(
        cls,
        store: Store,
        client: MlflowClient,
        experiment_id: str,
        name: str,
        tagged: Mapping[str, str],
        seconds_ago: float = 0.0,
    ) -> TrackedRun:
        """Create a run in an MLflow experiment, whose job began ``seconds_ago``."""
        began = time.time_ns() // 1_000_000 - round(seconds_ago * 1000)
        with store_errors():
            return cls(store, client, client.create_run(experiment_id, began, dict(tagged), name))

    def parameters(self, parameters: Mapping[str, Any]) -> None:
        """Write the values of the config under their full keys."""
        from mlflow.entities import Param

        with store_errors():
            self._client.log_batch(
                self.id, params=[Param(key, str(value)[:PARAMETER_LENGTH]) for key, value in parameters.items()]
            )

    def record(self, records: Iterable[Record]) -> None:
        """Write what an experiment found. On return it is in the store."""
        from mlflow.entities import Metric as MlflowMetric
        from mlflow.entities import RunTag

        records = list(records)
        changed = self.keep(records)
        metrics = [
            MlflowMetric(record.name, record.value, record.milliseconds, record.step)
            for record in records
            if isinstance(record, Metric) and math.isfinite(record.value)  # MLflow stores 1.8e308 for infinity
        ]
        tagged = [RunTag(f"{tags.SETTLED}{one.name}", one.value) for one in records if isinstance(one, Settled)]
        if (not_finite := self._contents.not_finite()) != self._known_not_finite:
            self._known_not_finite = not_finite
            tagged.append(RunTag(tags.NOT_FINITE, _whole_lines(not_finite)))
        if (description := self._description()) != self._described:
            self._described = description
            tagged.append(RunTag(tags.NOTE, description))
        if metrics or tagged:
            with store_errors():
                self._client.log_batch(self.id, metrics=metrics, tags=tagged)
        self.files({path: self._contents.files[path] for path in changed})
        for record in records:
            if isinstance(record, ModelRecord):
                with store_errors():
                    self._tracked_models.log(record)
            elif isinstance(record, DatasetRecord):
                with store_errors():
                    self._client.log_inputs(self.id, [mlflow_dataset.of(record.facts)])

    def keep(self, records: Iterable[Record]) -> list[str]:
        """Keep records in memory, without writing them. Returns the paths of the files that changed."""
        return self._contents.keep(records)

    @property
    def last_note(self) -> str:
        """The answer in words."""
        return self._contents.note.replace(THIS_RUN, self.id)

    @property
    def last_metrics(self) -> dict[str, float]:
        """Each metric's value at its last step, as MLflow reports it."""
        return self._contents.last_metrics

    def rescue(self) -> Path:
        """Write everything known of this run to a new temporary folder, and return the folder."""
        return self._contents.rescue(self.id)

    def note(self, markdown: str) -> None:
        """Set the words of the run's description."""
        self._contents.note = markdown
        self._described = self._description()
        with store_errors():
            self._client.set_tag(self.id, tags.NOTE, self._described)

    def _description(self) -> str:
        plot = self._contents.first_plot
        return f"{picture(plot, self.id) if plot else ''}{self.last_note}"[:NOTE_LENGTH]

    def tag(self, name: str, value: str) -> None:
        """Set a tag."""
        with store_errors():
            self._client.set_tag(self.id, name, value[:TAG_LENGTH])

    def files(self, files: Mapping[str, bytes]) -> None:
        """Write artifacts under their paths."""
        if not files:
            return
        self._contents.files.update(files)
        with store_errors(), TemporaryDirectory(prefix="run-") as scratch:
            for path, content in files.items():
                local = Path(scratch, path)
                local.parent.mkdir(parents=True, exist_ok=True)
                local.write_bytes(content)
            repository(self._artifact_uri, self._client.tracking_uri).log_artifacts(scratch)

    def json(self, files: Mapping[str, Any]) -> None:
        """Write artifacts in JSON under their paths."""
        self.files(
            {path: (json.dumps(content, indent=2, default=str) + "\n").encode() for path, content in files.items()}
        )

    def read(self, path: str) -> bytes | None:
        """Return the content of an artifact; None if it cannot be read."""
        from mlflow.exceptions import MlflowException

        with TemporaryDirectory(prefix="artifact-") as scratch, suppress(MlflowException, OSError):
            return Path(self._client.download_artifacts(self.id, path, scratch)).read_bytes()
        return None

    def read_json(self, path: str) -> Any:
        """Return the content of an artifact in JSON; None if it cannot be read."""
        with suppress(ValueError):
            return json.loads(self.read(path) or b"")
        return None

    def end(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED, with everything in one page.

        A run finishes and registers its models, or does neither.
        """
        registered = self._tracked_models.registered() if status == "FINISHED" else nullcontext(list[str]())
        with store_errors(), registered as said:
            if said:
                self.note("\n\n".join([self.last_note, *said]))
            self.files(self._page.files(status, self.last_note, self._contents.files, self.read))
            milliseconds = time.time_ns() // 1_000_000
            self._client.set_terminated(self.id, status, milliseconds)
        self.seconds = (milliseconds - self._started) / 1000

    def end_if_possible(self, status: str) -> None:
        """End the run unless the store fails; in that case the next command ends it as an orphan."""
        with suppress(StoreError), without_retries():
            self.end(status)


def experiment_id(store: Store, client: MlflowClient, name: str) -> str:
    """Return the id of an MLflow experiment, which is created if need be."""
    with store_errors():
        return _experiment_id(store, client, name)


def _experiment_id(store: Store, client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=store.artifact_location(name)))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise StoreError(
            f"tracking.experiment: the MLflow experiment {name!r} is deleted; restore it in the UI or name another"
        )
    return str(found.experiment_id)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what MLflow, its database and the disk raise into a StoreError of one sentence."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreError(f"the tracking store does not take any more: {first_line(error)}") from error


def end_run(client: MlflowClient, run_id: str, status: str, reason: str) -> None:
    """End the run of a process that is gone, with the reason as a tag and above its note."""
    with store_errors():
        note = client.get_run(run_id).data.tags.get(tags.NOTE, "")
        client.set_tag(run_id, tags.NOTE, f"**{status}**: {reason}\n\n{note}".strip()[:NOTE_LENGTH])
        client.set_tag(run_id, tags.REASON, reason[:TAG_LENGTH])
        client.set_terminated(run_id, status)


def _whole_lines(lines: Sequence[str]) -> str:
    """Return as many lines as fit into a tag, none of them cut: a part of a metric's name may be another's."""
    text = "\n".join(lines)
    return text if len(text) <= TAG_LENGTH else text[:TAG_LENGTH].rpartition("\n")[0]
