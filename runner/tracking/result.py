"""What ``runner.run`` returns: a run of the store, as Python and notebooks want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from runner.tracking import tags
from runner.tracking.artifacts import repository
from runner.tracking.find_run import search
from runner.tracking.last_metrics import last_metrics
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

TABLE, FIGURE = ".csv", ".png"


@dataclass(frozen=True)
class Figure:
    """A plot of a run. A notebook shows it."""

    name: str
    png: bytes = field(repr=False)

    def _repr_png_(self) -> bytes:
        return self.png

    def save(self, path: str | Path) -> None:
        """Write the PNG file. Raises OSError."""
        Path(path).write_bytes(self.png)


class Result:
    """A run, or a sweep with its jobs. What it holds is read from the store when it is first asked for.

    Its properties raise StoreError where the store cannot be read.
    """

    def __init__(self, client: MlflowClient, run: Run) -> None:
        self._client, self._run = client, run

    @property
    def run_id(self) -> str:
        """The run's id in MLflow."""
        return str(self._run.info.run_id)

    @property
    def name(self) -> str:
        """The run's name in MLflow."""
        return str(self._run.info.run_name)

    @property
    def status(self) -> str:
        """FINISHED, FAILED or KILLED, as MLflow calls it."""
        return str(self._run.info.status)

    @property
    def reason(self) -> str:
        """Why the run did not finish, in a sentence; empty if it did."""
        return str(self._run.data.tags.get(tags.REASON, ""))

    @property
    def note(self) -> str:
        """The answer in Markdown."""
        return str(self._run.data.tags.get(tags.NOTE, ""))

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric, NaN where that is NaN or infinite; :meth:`history` has the finite ones."""
        return last_metrics(self._run)

    @property
    def config(self) -> Mapping[str, str]:
        """The values of the config under their full keys, as MLflow keeps them: as text."""
        return dict(self._run.data.params)

    def history(self, metric: str) -> dict[int, float]:
        """Return all finite values of a metric, by their step: n, or the epoch."""
        with store_errors():
            found = self._client.get_metric_history(self.run_id, metric)
        return {value.step: value.value for value in found}

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The run's tables by their names, such as ``results`` for results.csv; one without rows is empty."""
        return {path.stem: _table(path) for path in self._files if path.suffix == TABLE}

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The run's plots by their names, such as ``time`` for plots/time.png."""
        return {path.stem: Figure(path.stem, path.read_bytes()) for path in self._files if path.suffix == FIGURE}

    @cached_property
    def jobs(self) -> list[Result]:
        """The runs of a sweep in the order in which they began; none for a single run."""
        found = search(self._client, f"tags.`{tags.PARENT}` = '{self.run_id}'", order="ASC")
        return [Result(self._client, run) for run in found]

    @cached_property
    def _scratch(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="result-")

    @cached_property
    def _files(self) -> list[Path]:
        """The tables and plots as files of this machine: those of a remote store are copied, until this is deleted."""
        files = repository(self._run.info.artifact_uri, self._client.tracking_uri)
        with store_errors():
            paths = [path for path in _paths(files) if Path(path).suffix in (TABLE, FIGURE)]
            return [Path(files.download_artifacts(path, self._scratch.name)) for path in sorted(paths)]

    def _repr_markdown_(self) -> str:
        return f"**{self.name}**: {self.status}{f', {self.reason}' if self.reason else ''}\n\n{_words_of(self.note)}"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.status}, run {self.run_id}>"


def _paths(files: object, folder: str | None = None) -> Iterator[str]:
    """Yield the paths of a run's artifacts, those of its models left out."""
    for file in files.list_artifacts(folder):  # type: ignore[attr-defined]  # MLflow has no types
        if file.is_dir:
            yield from _paths(files, file.path) if file.path == "plots" else ()
        else:
            yield str(file.path)


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(path) if path.stat().st_size else pd.DataFrame()  # without rows there are no columns either


def _words_of(note: str) -> str:
    """Return a note without its pictures, which only the UI finds."""
    return "\n".join(line for line in note.splitlines() if not line.startswith("!["))
