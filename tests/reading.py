"""Reading what a run has left in a local store."""

from __future__ import annotations

from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient


def client(store: Path, database: str = "mlflow.db") -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}/{database}")


def runs(store: Path, experiment: str = "matmul") -> list[Any]:
    """All runs of an MLflow experiment, newest first."""
    reader = client(store)
    found = reader.get_experiment_by_name(experiment)
    return list(reader.search_runs([found.experiment_id])) if found else []


def only_run(store: Path, experiment: str = "matmul") -> Any:
    (run,) = runs(store, experiment)
    return run


def history(store: Path, run: Any, metric: str) -> dict[int, float]:
    """Step -> value; fails if a step was written twice."""
    values = client(store).get_metric_history(run.info.run_id, metric)
    by_step = {value.step: value.value for value in values}
    assert len(by_step) == len(values)
    return by_step


def artifacts(store: Path, run: Any) -> Path:
    """The run's artifact folder."""
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert folder.is_relative_to(store), folder
    return folder


def table_rows(text: str) -> list[dict[str, str]]:
    """The rows of the first Markdown table in a text."""
    begin = dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in takewhile(lambda line: line, begin)]
    names, _, *rows = lines
    return [dict(zip(names, row, strict=True)) for row in rows]
