"""A buffer that turns an experiment's findings into records; recorders derive from it."""

from __future__ import annotations

import math
import posixpath
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.recorder import NO_CARD, REGISTERED_NAME, Cell, DatasetFacts, ModelCard, Row
from experiments.reporting.remarks import Remarks
from experiments.reporting.rendering import picture_of
from runner.messages import DatasetRecord, File, Metric, ModelRecord, Note, Record, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.recorder import Arrays


METRIC_NAME = re.compile(r"(?!/|\.\.|\.$)[\w\-. :/]{1,250}")

MODEL_NAME = re.compile(r"[\w\- ]+")
"""Characters allowed in the name of a run's model. A registered model's may also have dots."""

ARRAY_KINDS = "biufU"
"""NumPy's kinds that MLflow's signatures and JSON examples can hold: booleans, integers, floats, text."""


class RecordBuffer:
    """The part of an :class:`experiments.recorder.Recorder` that only buffers."""

    store_words: Sequence[str] = ()

    def __init__(self) -> None:
        self._buffer: list[Record] = []
        self._note = ""
        self._remarks = Remarks()

    def metric(self, name: str, value: float, step: int = 0) -> None:
        if not METRIC_NAME.fullmatch(name) or name != posixpath.normpath(name):
            raise ValueError(
                "MLflow takes up to 250 letters, digits and _-. :/ in the name of a metric, as the parts of a path, "
                f"but this is {name!r}"
            )
        self._number(name, value, step)
        if not math.isfinite(value):
            self._remark(self._remarks.with_metric(name, value))

    def no_metric(self, name: str, step: int) -> None:
        self._number(name, math.nan, step)

    def _number(self, name: str, value: float, step: int) -> None:
        self._buffer.append(Metric(name, float(value), step, time.time_ns() // 1_000_000))

    def figure(self, name: str, figure: Figure | Callable[[], Figure | None]) -> None:
        path = f"plots/{name}"
        try:
            picture = picture_of(figure)
        except Exception as error:  # a plot is never worth the run
            self.file(f"{path}.txt", traceback.format_exc().encode())
            self._remark(self._remarks.with_plot(name, error))
            return
        if picture is not None:
            self.file(f"{path}.png", picture.png)
            self.file(f"{path}.svg", picture.svg)
            self._remark(self._remarks.with_letters(picture.without_font))

    def table(self, name: str, rows: Sequence[Row]) -> None:
        self._buffer.append(Table(name, [dict(row) for row in rows]))

    def file(self, path: str, content: bytes) -> None:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ValueError(f"a run's file must lie below its artifacts, but its path is {path!r}")
        if not isinstance(content, bytes):
            raise TypeError(f"the content of a file is bytes, but that of {path!r} is {type(content).__name__}")
        self._buffer.append(File(path, content))

    def model(
        self,
        name: str,
        keras_file: bytes,
        inputs: Arrays,
        outputs: Arrays,
        *,
        registered_name: str | None = None,
        metadata: Mapping[str, Cell] | None = None,
        step: int = 0,
        card: ModelCard = NO_CARD,
    ) -> None:
        if not MODEL_NAME.fullmatch(name):
            raise ValueError(f"MLflow takes letters, digits, _, - and blanks in the name of a model, but not {name!r}")
        if registered_name is not None and not REGISTERED_NAME.fullmatch(registered_name):
            raise ValueError(
                f"a registered model's name is made of letters, digits, blanks and _-., but this is {registered_name!r}"
            )
        if not isinstance(keras_file, bytes):
            raise TypeError(f"a model is the bytes of a .keras file, but {name!r} is {type(keras_file).__name__}")
        examples = _plain(name, inputs), _plain(name, outputs)
        facts = _scalars(metadata or {})
        self._buffer.append(ModelRecord(name, keras_file, *examples, registered_name, facts, step, card))

    def dataset(self, facts: DatasetFacts) -> None:
        self._buffer.append(DatasetRecord(facts))

    def note(self, markdown: str) -> None:
        self._note = str(markdown)
        self._buffer.append(Note(self._remarks.below(self._note)))

    def _remark(self, remarks: Remarks) -> None:
        """Let the note say what could not be recorded. It comes after the note as often as before it."""
        if remarks != self._remarks:
            self._remarks = remarks
            self._buffer.append(Note(remarks.below(self._note)))

    def rest(self) -> list[Record]:
        """Return what has not been handed over, and empty the buffer."""
        rest, self._buffer = self._buffer, []
        return rest


def _plain(name: str, arrays: Arrays) -> Arrays:
    """Copy arrays, since the buffer is handed over later."""
    import numpy as np

    if isinstance(arrays, Mapping):
        if not arrays:
            raise TypeError(f"the example of the model {name!r} has no array")
        return {key: np.array(_checked(name, array)) for key, array in arrays.items()}
    return np.array(_checked(name, arrays))


def _scalars(metadata: Mapping[str, Any]) -> dict[str, Cell]:
    """Convert NumPy scalars to Python's, and leave out those that are no finite number, as among the metrics."""
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in metadata.items()}
    return {name: value for name, value in plain.items() if not isinstance(value, float) or math.isfinite(value)}


def _checked(name: str, array: Any) -> Any:
    import numpy as np

    if not isinstance(array, np.ndarray) or array.ndim == 0 or array.dtype.kind not in ARRAY_KINDS:
        what = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"an example of the model {name!r} is a NumPy array of numbers or text, not {what}")
    return array
