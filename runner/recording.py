"""What every recorder does with findings: it turns them into records."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.recorder import Row
from runner.messages import File, Metric, Note, Record, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class RecordBuffer:
    """The part of a :class:`experiments.recorder.Recorder` that only keeps what it is given."""

    def __init__(self) -> None:
        self._buffer: list[Record] = []

    def metric(self, name: str, value: float, step: int = 0) -> None:
        self._buffer.append(Metric(name, float(value), step, time.time_ns() // 1_000_000))

    def figure(self, name: str, figure: Figure) -> None:
        png = io.BytesIO()
        figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})  # a tenth larger, four times as quick
        self.file(f"plots/{name}.png", png.getvalue())

    def table(self, name: str, rows: Sequence[Row]) -> None:
        self._buffer.append(Table(name, list(rows)))

    def file(self, path: str, content: bytes) -> None:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ValueError(f"a run's file must lie below its artifacts, but its path is {path!r}")
        self._buffer.append(File(path, content))

    def note(self, markdown: str) -> None:
        self._buffer.append(Note(markdown))

    def keep(self, record: Record) -> None:
        """Takes a record that another recorder has made."""
        self._buffer.append(record)

    def rest(self) -> list[Record]:
        """What has not been handed over yet."""
        rest, self._buffer = self._buffer, []
        return rest
