"""Measuring a series, and recording what is found while it is found."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from experiments.experiment import Refused
from experiments.recorder import Recorder, Row
from experiments.series.measuring import Key, Point, Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = TypeVar("P")


class Answer(Protocol[P]):
    """What a series found, as rows and in words."""

    @property
    def points(self) -> Sequence[P]:
        """In the order of the tables."""

    def row(self, point: P) -> Row:
        """Its row of results.csv."""

    def sample_rows(self) -> list[Row]:
        """Every raw sample."""

    def note(self) -> str:
        """The answer in Markdown."""


A = TypeVar("A", bound=Answer)  # type: ignore[type-arg]  # of this report's points


class Report(ABC, Generic[Key, Point, A]):
    """What becomes of a series in a run."""

    key_column: ClassVar[str]
    """What the key is called in results.csv."""
    metrics: ClassVar[Mapping[str, str]]
    """Which column of results.csv becomes which metric of a point."""

    def __init__(self, series: Series[Key, Point], recorder: Recorder) -> None:
        self.series, self.recorder = series, recorder
        self.points: dict[Key, Point] = {}
        """What there is to say something of."""
        self._recorded: set[Key] = set()
        """Those of which all is recorded."""

    @abstractmethod
    def title(self, key: Key) -> str:
        """What the progress bar calls it."""

    @abstractmethod
    def known(self, key: Key, point: Point) -> str:
        """What the progress bar says of it."""

    @abstractmethod
    def metric(self, name: str, key: Key) -> tuple[str, int]:
        """Name and step of a point's metric."""

    @abstractmethod
    def answer(self) -> A:
        """From what is recorded so far."""

    @abstractmethod
    def figures(self) -> Mapping[str, Callable[[A], Figure]]:
        """The plots, by name."""

    def conclude(self, answer: A) -> None:
        """Records what can only be said when every point is there."""

    def run(self) -> None:
        """Measures. Points are recorded as they become complete; on Ctrl-C also what there is of the others.

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
            except KeyboardInterrupt:  # it comes once: the second time is undisturbed
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
                self.recorder.figure(name, draw(answer))

    def _rows(self, answer: A) -> list[Row]:
        """One row a key, measured or not."""
        not_measured = self.series.not_measured
        missing: list[Row] = [
            {self.key_column: key, "status": f"not measured: {not_measured[key]}"}  # type: ignore[dict-item]
            for key in self.series.keys
            if key in not_measured
        ]
        return [*(answer.row(point) for point in answer.points), *missing]


class SizeReport(Report[int, Point, A]):
    """Of a series whose keys are sizes: a metric's step is the size."""

    key_column: ClassVar[str] = "n"

    def title(self, key: int) -> str:
        return f"n={key}"

    def metric(self, name: str, key: int) -> tuple[str, int]:
        return name, key
