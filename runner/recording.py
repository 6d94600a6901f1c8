"""What every recorder does with findings: it turns them into records."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.recorder import Row
from runner.messages import File, Metric, Note, Record, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


METRIC_NAME = re.compile(r"[\w\-. :/]+")


class RecordBuffer:
    """The part of a :class:`experiments.recorder.Recorder` that only keeps what it is given."""

    def __init__(self) -> None:
        self._buffer: list[Record] = []

    def metric(self, name: str, value: float, step: int = 0) -> None:
        if not METRIC_NAME.fullmatch(name):
            raise ValueError(f"MLflow takes letters, digits and _-. :/ in the name of a metric, but this is {name!r}")
        self._buffer.append(Metric(name, float(value), step, time.time_ns() // 1_000_000))

    def figure(self, name: str, figure: Figure) -> None:
        png = io.BytesIO()
        figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})  # a tenth larger, four times as quick
        self.file(f"plots/{name}.png", png.getvalue())

    def table(self, name: str, rows: Sequence[Row]) -> None:
        self._buffer.append(Table(name, [dict(row) for row in rows]))

    def file(self, path: str, content: bytes) -> None:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ValueError(f"a run's file must lie below its artifacts, but its path is {path!r}")
        if not isinstance(content, bytes):
            raise TypeError(f"the content of a file is bytes, but that of {path!r} is {type(content).__name__}")
        self._buffer.append(File(path, content))

    def note(self, markdown: str) -> None:
        self._buffer.append(Note(str(markdown)))

    def rest(self) -> list[Record]:
        """What has not been handed over yet."""
        rest, self._buffer = self._buffer, []
        return rest
