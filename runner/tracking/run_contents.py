"""Everything that is known of a run, in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from experiments.recorder import Row
from experiments.reporting.tables import csv_of
from runner.messages import File, Metric, ModelRecord, Note, Record, Table
from runner.tracking import mlflow_model
from runner.tracking.description import PLOT


@dataclass
class RunContents:
    """What an experiment has handed over, and the files that were written beside it."""

    note: str = ""
    """The answer in words."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> content."""
    models: dict[str, ModelRecord] = field(default_factory=dict)
    metrics: dict[tuple[str, int], float] = field(default_factory=dict)
    """(name, step) -> value."""

    def keep(self, records: Iterable[Record]) -> list[str]:
        """Keep records; return the paths of the files that changed."""
        changed = dict[str, None]()
        for record in records:
            if isinstance(record, Table):
                path = f"{record.name}.csv"
                self.files[path] = csv_of(record.rows)
                changed[path] = None
            elif isinstance(record, File):
                self.files[record.path] = record.content
                changed[record.path] = None
            elif isinstance(record, ModelRecord):
                self.models[record.name] = record
            elif isinstance(record, Note):
                self.note = record.markdown
            elif isinstance(record, Metric):
                self.metrics[record.name, record.step] = record.value
        return list(changed)

    @property
    def first_plot(self) -> str:
        """The path of the answer's picture, which is the first plot; empty if there is none."""
        return next(filter(PLOT.fullmatch, self.files), "")

    @property
    def last_metrics(self) -> dict[str, float]:
        """Each metric's value at its last step, as MLflow reports it."""
        return {name: value for (name, _), value in sorted(self.metrics.items())}

    def not_finite(self) -> list[str]:
        """Return the metrics whose last value is no finite number."""
        if all(map(math.isfinite, self.metrics.values())):
            return []
        return [name for name, value in self.last_metrics.items() if not math.isfinite(value)]

    def rescue(self, run_id: str) -> Path:
        """Write everything to a new temporary folder, and return the folder."""
        folder = Path(mkdtemp(prefix=f"rescued-{run_id[:8]}-"))
        metrics: list[Row] = [
            {"metric": name, "step": step, "value": value} for (name, step), value in self.metrics.items()
        ]
        for path, content in (self.files | {"metrics.csv": csv_of(metrics)}).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (folder / "note.md").write_text(self.note)
        for name, model in self.models.items():
            mlflow_model.write(folder / "models" / name, model, None)
        return folder
