"""Reading what the runs of a report have left in its store."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.gpu.processes import ENVIRONMENT

os.environ.update({name: value for name, value in ENVIRONMENT.items() if name.startswith("MLFLOW")})

PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class Run:
    """A run, with its artifacts as files."""

    entity: Any

    @property
    def id(self) -> str:
        return str(self.entity.info.run_id)

    @property
    def name(self) -> str:
        return str(self.entity.data.tags.get("mlflow.runName", self.id))

    @property
    def status(self) -> str:
        return str(self.entity.info.status)

    @property
    def is_job(self) -> bool:
        """Whether the run is a job: one of a sweep, or a single run."""
        return PARENT in self.entity.data.tags or "sweep.key" not in self.entity.data.tags

    @property
    def metrics(self) -> dict[str, float]:
        return dict(self.entity.data.metrics)

    def param(self, name: str) -> str:
        return str(self.entity.data.params.get(name, ""))

    def tag(self, name: str) -> str:
        return str(self.entity.data.tags.get(name, ""))

    @property
    def note(self) -> str:
        """The answer in words."""
        return self.tag("mlflow.note.content")

    @property
    def first_words(self) -> str:
        """The first line of the answer, which says how a run went that has not finished."""
        return self.note.partition("\n")[0].replace("**", "")

    @property
    def folder(self) -> Path:
        return Path(self.entity.info.artifact_uri.removeprefix("file://"))

    def rows(self, name: str = "results") -> list[dict[str, str]]:
        """Return the rows of a table; none if the run has no such table."""
        path = self.folder / f"{name}.csv"
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def json(self, name: str) -> Any:
        """Return the content of ``name``; an empty mapping if the run has no such file."""
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else {}


class Store:
    """The store of a report: ``mlflow.db`` and ``artifacts`` in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def runs(self) -> list[Run]:
        """Return all runs, in the order in which they began; none before the first."""
        if not (self.folder / "mlflow.db").exists():
            return []
        experiments = [found.experiment_id for found in self._client.search_experiments()]
        found = self._client.search_runs(experiments, max_results=1000)
        return [Run(run) for run in sorted(found, key=lambda run: run.info.start_time)]

    @cached_property
    def _client(self) -> Any:
        from mlflow import MlflowClient  # two seconds

        return MlflowClient(f"sqlite:///{self.folder.resolve()}/mlflow.db")
