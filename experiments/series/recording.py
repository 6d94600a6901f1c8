"""Recording the points of a series as they are measured."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from experiments.experiment import Refused
from experiments.recorder import Recorder, Row
from experiments.series.measuring import Key, Point, Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = TypeVar("P")


class Answer(Protocol[P]):
    """The answer of a series: rows of tables, and a note."""

    @property
    def points(self) -> Sequence[P]:
        """The points in the order of the tables."""

    def row(self, point: P) -> Row:
        """Return the point's row of results.csv."""

    def sample_rows(self) -> list[Row]:
        """Return the rows of samples.csv, one for each raw sample."""

    def note(self) -> str:
        """Return the answer in Markdown."""


A = TypeVar("A", bound=Answer)  # type: ignore[type-arg]  # of this report's points


class Report(ABC, Generic[Key, Point, A]):
    """Measures a series and records its metrics, tables, note and figures."""

    key_column: ClassVar[str]
    """The column of the key in results.csv."""
    metrics: ClassVar[Mapping[str, str]]
    """The metrics of a point: name -> the column of results.csv that it is taken from."""

    def __init__(self, series: Series[Key, Point], recorder: Recorder) -> None:
        self.series, self.recorder = series, recorder
        self.points: dict[Key, Point] = {}
        """The points recorded so far, complete or not."""
        self._recorded: set[Key] = set()
        """Keys whose metrics are recorded."""

    @abstractmethod
    def title(self, key: Key) -> str:
        """Return the name of the key in the progress bar."""

    @abstractmethod
    def known(self, key: Key, point: Point) -> str:
        """Return what the progress bar says about the point."""

    @abstractmethod
    def metric(self, name: str, key: Key) -> tuple[str, int]:
        """Return the name and step of the key's metric ``name``."""

    @abstractmethod
    def answer(self) -> A:
        """Return the answer of the points recorded so far."""

    @abstractmethod
    def figures(self) -> Mapping[str, Callable[[A], Figure]]:
        """Return the functions that draw the plots, by the plots' names."""

    def conclude(self, answer: A) -> None:
        """Record what can only be said once every point is there."""

    def run(self) -> None:
        """Measure. Records points as they become complete, and on Ctrl-C the incomplete ones, too.

        Raises Refused where there is no point at all.
        """
        try:
            for key, point in self.series.visits():
                if point is not None and self.series.is_complete(key):
                    self._record(key, point)
                self.recorder.progress(self.title(key), *self._progress(key, point))
        except KeyboardInterrupt:
            for key, point in self.series.points().items():
                if key not in self._recorded:
                    self._record(key, point)
            raise
        finally:
            try:
                self._end()
            except KeyboardInterrupt:  # raised only once: a second Ctrl-C kills the process
                self._end()
                raise
        if not self.points:
            key, reason = next(iter(self.series.not_measured.items()))
            raise Refused(f"nothing could be measured; {self.title(key)}: {reason}")

    def _progress(self, key: Key, point: Point | None) -> tuple[float, str]:
        if point is None:
            return 1.0, f"not measured: {self.series.not_measured[key]}"
        return self.series.share_done(key), self.known(key, point)

    def _record(self, key: Key, point: Point) -> None:
        self.points[key] = point
        answer = self.answer()
        row = answer.row(point)
        for name, column in self.metrics.items():
            value = row.get(column)
            if isinstance(value, float) and math.isfinite(value):
                metric, step = self.metric(name, key)
                self.recorder.metric(metric, value, step=step)
        self.recorder.table("results", self._rows(answer))
        self.recorder.table("samples", answer.sample_rows())
        self._recorded.add(key)

    def _end(self) -> None:
        answer = self.answer()
        self.conclude(answer)
        self.recorder.table("results", self._rows(answer))
        self.recorder.note(answer.note())
        self.recorder.measured()
        if answer.points:
            for name, draw in self.figures().items():
                self.recorder.figure(name, partial(draw, answer))

    def _rows(self, answer: A) -> list[Row]:
        """Return the rows of results.csv, one for each key, measured or not."""
        not_measured = self.series.not_measured
        missing: list[Row] = [
            {self.key_column: key, "status": f"not measured: {not_measured[key]}"}  # type: ignore[dict-item]
            for key in self.series.keys
            if key in not_measured
        ]
        return [*(answer.row(point) for point in answer.points), *missing]


class SizeReport(Report[int, Point, A]):
    """Records a series whose keys are sizes: the step of a metric is the size."""

    key_column: ClassVar[str] = "n"

    def title(self, key: int) -> str:
        return f"n={key}"

    def metric(self, name: str, key: int) -> tuple[str, int]:
        return name, key
