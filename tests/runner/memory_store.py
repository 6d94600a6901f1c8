"""A store in memory: runs in dictionaries, artifacts in a folder. It understands the calls that the runner makes."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mlflow.entities import Experiment, FileInfo, Metric, Param, Run, RunData, RunInfo, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList

from runner.tracking.needs import NOTHING, Needs
from runner.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONDITION = re.compile(r"(tags|attributes)\.`?([\w.]+)`? = '([^']*)'")


@dataclass
class _Run:
    id: str
    experiment_id: str
    name: str
    start_time: int
    artifacts: Path
    status: str = "RUNNING"
    end_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)

    def entity(self) -> Run:
        uri = self.artifacts.as_uri()
        info = RunInfo(
            self.id, self.experiment_id, "", self.status, self.start_time, self.end_time, "active", uri, self.name
        )
        last = {metric.key: metric for metric in sorted(self.metrics, key=lambda metric: metric.step)}
        params = [Param(name, value) for name, value in self.params.items()]
        return Run(info, RunData(list(last.values()), params, [RunTag(*tag) for tag in self.tags.items()]))

    def matches(self, condition: str) -> bool:
        found = CONDITION.fullmatch(condition)
        assert found, f"this store does not understand {condition}"
        kind, name, value = found.groups()
        return value == (self.tags.get(name) if kind == "tags" else getattr(self, name))


class MemoryClient:
    """What the runner uses of ``mlflow.MlflowClient``. It keeps no models."""

    tracking_uri = "memory"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._experiments: dict[str, Experiment] = {}
        self._runs: dict[str, _Run] = {}
        self._numbers = itertools.count(1)
        self.before_write: Callable[[], None] = lambda: None
        """Called before each change: it may fail as a store fails."""

    def fail(self) -> None:
        """From now on nothing can be written."""

        def full() -> None:
            raise MlflowException("(sqlite3.OperationalError) database or disk is full")

        self.before_write = full

    def go_back(self, hours: float) -> None:
        """Pretend that all of it happened so much earlier."""
        for run in self._runs.values():
            run.start_time -= round(hours * 3_600_000)
            run.end_time = run.end_time and run.end_time - round(hours * 3_600_000)

    def runs(self) -> list[Run]:
        """All runs in the order in which they were created."""
        return [run.entity() for run in self._runs.values()]

    def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
        self.before_write()
        if name in self._experiments:
            raise MlflowException(f"Experiment '{name}' already exists.")
        number = str(next(self._numbers))
        self._experiments[name] = Experiment(number, name, artifact_location, "active")
        return number

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        return self._experiments.get(name)

    def search_experiments(
        self, max_results: int = 1000, order_by: Sequence[str] = (), page_token: str | None = None
    ) -> PagedList[Experiment]:
        return _page(list(self._experiments.values()), max_results, page_token)

    def create_run(self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str) -> Run:
        self.before_write()
        number = f"{next(self._numbers):032x}"
        artifacts = self._folder / experiment_id / number / "artifacts"
        artifacts.mkdir(parents=True)
        self._runs[number] = _Run(number, experiment_id, run_name, start_time, artifacts, tags=dict(tags))
        return self._runs[number].entity()

    def get_run(self, run_id: str) -> Run:
        return self._run(run_id).entity()

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        max_results: int = 1000,
        order_by: Sequence[str] = (),
        page_token: str | None = None,
    ) -> PagedList[Run]:
        conditions = [condition for condition in filter_string.split(" AND ") if condition]
        found = [run for run in self._runs.values() if run.experiment_id in experiment_ids]
        found = [run for run in found if all(run.matches(condition) for condition in conditions)]
        oldest_first = list(order_by) == ["attributes.start_time ASC"]
        found.sort(key=lambda run: run.start_time, reverse=not oldest_first)
        return _page([run.entity() for run in found], max_results, page_token)

    def log_batch(
        self, run_id: str, metrics: Iterable[Metric] = (), params: Iterable[Param] = (), tags: Iterable[RunTag] = ()
    ) -> None:
        self.before_write()
        run = self._run(run_id)
        run.metrics += metrics
        run.params |= {param.key: param.value for param in params}
        run.tags |= {tag.key: tag.value for tag in tags}

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self.log_batch(run_id, tags=[RunTag(key, value)])

    def delete_tag(self, run_id: str, key: str) -> None:
        self.before_write()
        del self._run(run_id).tags[key]

    def update_run(self, run_id: str, status: str) -> None:
        self.before_write()
        self._run(run_id).status = status

    def set_terminated(self, run_id: str, status: str, end_time: int | None = None) -> None:
        self.before_write()
        run = self._run(run_id)
        run.status, run.end_time = status, end_time or time.time_ns() // 1_000_000

    def list_artifacts(self, run_id: str, path: str = "") -> list[FileInfo]:
        folder = self._run(run_id).artifacts
        return [FileInfo(str(file.relative_to(folder)), file.is_dir(), None) for file in (folder / path).glob("*")]

    def download_artifacts(self, run_id: str, path: str, dst_path: str) -> str:
        source, target = self._run(run_id).artifacts / path, Path(dst_path) / path
        if not source.exists():
            raise MlflowException(f"No such artifact: {path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target))

    def search_model_versions(self, filter_string: str, page_token: str | None = None) -> PagedList[object]:
        return PagedList([], None)

    def search_registered_models(self, filter_string: str, page_token: str | None = None) -> PagedList[object]:
        return PagedList([], None)

    def search_logged_models(
        self, experiment_ids: Sequence[str], filter_string: str, page_token: str | None = None
    ) -> PagedList[object]:
        return PagedList([], None)

    def _run(self, run_id: str) -> _Run:
        if run_id not in self._runs:
            raise MlflowException(f"Run with id={run_id} not found")
        return self._runs[run_id]


def _page(found: list[Any], size: int, token: str | None) -> PagedList[Any]:
    begin = int(token or 0)
    end = begin + size
    return PagedList(found[begin:end], str(end) if end < len(found) else None)


class MemoryStore(Store):
    """A store whose client is a :class:`MemoryClient`."""

    ui = "http://memory"

    def __init__(self, folder: Path) -> None:
        self.client = MemoryClient(folder)

    def check(self, needs: Needs = NOTHING) -> None:
        """It can always be used."""

    def open(self, say: Callable[[str], None] = lambda text: None) -> MlflowClient:
        return cast("MlflowClient", self.client)

    def artifact_location(self, experiment: str) -> None:
        return None


def artifact(run: Run, path: str) -> str:
    """The text of an artifact, read from its file."""
    return Path(run.info.artifact_uri.removeprefix("file://"), path).read_text()
