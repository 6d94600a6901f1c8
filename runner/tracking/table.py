"""A table of runs as a file, for pandas and its like."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.reporting.text import first_line
from runner.errors import UserError
from runner.tracking import tags
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient


def _write_csv(frame: Any, path: Path) -> None:
    frame.to_csv(path, index=False)


def _write_parquet(frame: Any, path: Path) -> None:
    if find_spec("pyarrow") is None:
        raise UserError(f"{path}: Parquet needs pyarrow (pip install pyarrow); end the name with .csv for a CSV file")
    frame.to_parquet(path, index=False)


FORMATS: Mapping[str, Callable[[Any, Path], None]] = {".csv": _write_csv, ".parquet": _write_parquet}


def export(client: MlflowClient, path: Path, condition: str = "") -> int:
    """Write a row for each run that fulfils an MLflow ``condition``, the newest first; return their number.

    The columns are those of ``mlflow.search_runs``: ``run_id``, ``status``, ``start_time``, ..., ``params.KEY``,
    ``metrics.NAME`` (the last value; empty where that is NaN or infinite), ``tags.NAME``. Raises UserError for another
    suffix or a file that cannot be written, StoreError for a condition that is none.
    """
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        raise UserError(f"{path}: the name says the format; end it with {' or '.join(FORMATS)}")
    frame = _table(client, condition)
    try:
        write(frame, path)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror or first_line(error)})") from None
    return len(frame)


def _table(client: MlflowClient, condition: str) -> Any:
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(client.tracking_uri)
    with store_errors():
        frame = mlflow.search_runs(search_all_experiments=True, filter_string=condition, max_results=sys.maxsize)
    for row, names in frame.get(f"tags.{tags.NOT_FINITE}", default=pd.Series()).dropna().items():
        frame.loc[row, [f"metrics.{name}" for name in names.splitlines() if f"metrics.{name}" in frame]] = math.nan
    return frame
