"""Recording the points of a series as they are measured, in one process after another."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from experiments.experiment import Refused
from experiments.recorder import Recorder, Row
from experiments.runtime import alternation
from experiments.runtime.conditions import Conditions
from experiments.series import cards, disturbances
from experiments.series.columns import condition_columns, condition_metrics
from experiments.series.earlier import changes
from experiments.series.measuring import Key, Point, Series
from experiments.series.processes import Before, Part

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
        series.go_on_from(Before([Part[Key].from_bytes(content) for content in recorder.handed_on()]))
        self.points: dict[Key, Point] = series.points()
        """The points recorded so far, complete or not, those of earlier processes included."""
        self._recorded: set[Key] = set()
        """Keys whose metrics are recorded."""
        self._names: dict[str, None] = {}
        """The names of the metrics of points, in order."""

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

    def missing(self) -> Iterable[tuple[str, int]]:
        """Return the metrics that have no value at the step that would be their last, each with this step."""
        return ()

    def conclude(self, answer: A) -> None:
        """Record what can only be said once every point is there."""

    @property
    def is_last(self) -> bool:
        """Whether this process is the last of the run."""
        return self.series.before.processes + 1 >= self.series.processes

    def run(self) -> None:
        """Measure, and hand on to the next process, or record the answer in the last one.

        Records points as they become complete, and the incomplete ones, too, where something ends it before. Metrics
        wait for the last process: the store keeps every value of a metric. What ends the run for good, such as a crash,
        records them, too, so that resuming makes a new run; not Ctrl-C beside others, after which the runs go on.
        Raises Refused where there is no point at all.
        """
        try:
            self._measure()
            if self.points and not self.is_last:
                self._end(self.answer())
                self.recorder.hand_on(self.series.part().to_bytes())
                return
        except BaseException as error:
            is_one_of_many = isinstance(error, KeyboardInterrupt) and alternation.present().has_company
            if is_one_of_many and not self.is_last:
                self._break_off(self.series.points())  # all of them will go on in their runs
            else:
                self._end_for_good(self.series.points())
            raise
        self._end_for_good(self.points)
        if not self.points:
            key, reason = next(iter(self.series.not_measured.items()))
            raise Refused(f"nothing could be measured; {self.title(key)}: {reason}")

    def _measure(self) -> None:
        for key, point in self.series.visits():
            if point is not None and self.series.is_complete(key):
                self._record(key, point)
            self.recorder.progress(self.title(key), *self._progress(key, point))

    def _progress(self, key: Key, point: Point | None) -> tuple[float, str]:
        if point is None:
            return 1.0, f"not measured: {self.series.given_up[key]}"
        return self.series.share_done(key), self.known(key, point)

    def _record(self, key: Key, point: Point) -> None:
        self.points[key] = point
        answer = self.answer()
        self.recorder.table("results", self._rows(answer))
        self.recorder.table("samples", answer.sample_rows())
        if self.is_last:
            self._record_metrics(key, self._row(answer, point))

    def _record_metrics(self, key: Key, row: Row) -> None:
        self._recorded.add(key)
        for name, column in {**self.metrics, **condition_metrics(row)}.items():
            value = row.get(column)
            if isinstance(value, float) and math.isfinite(value):
                metric, step = self.metric(name, key)
                self.record_metric(metric, value, step)

    def record_metric(self, name: str, value: float, step: int) -> None:
        """Record a number that belongs to a point."""
        self._names[name] = None
        self.recorder.metric(name, value, step=step)

    def _break_off(self, points: Mapping[Key, Point]) -> None:
        """Record ``points`` so that the run can go on: without metrics."""
        self.points = dict(points)
        answer = self.answer()
        self.recorder.table("samples", answer.sample_rows())
        self._end(answer)

    def _end_for_good(self, points: Mapping[Key, Point]) -> None:
        """Record ``points``, where that is still to be done, and what can only be said at the end."""
        try:
            self._conclude(points)
        except KeyboardInterrupt:  # raised only once: a second Ctrl-C kills the process
            self._conclude(points)
            raise

    def _conclude(self, points: Mapping[Key, Point]) -> None:
        self.points = dict(points)
        answer = self.answer()
        if unrecorded := [key for key in points if key not in self._recorded]:
            self.recorder.table("samples", answer.sample_rows())
        for key in unrecorded:
            self._record_metrics(key, self._row(answer, points[key]))
        self.conclude(answer)
        for metric, step in self.missing():
            self.recorder.no_metric(metric, step)
        for name, value in disturbances.metrics(self._conditions().disturbance).items():
            self.recorder.metric(name, value)
        self._end(answer)
        self.recorder.measured()
        if answer.points:
            for name, draw in self.figures().items():
                self.recorder.figure(name, partial(draw, answer))

    def _end(self, answer: A) -> None:
        rows = self._rows(answer)
        self.recorder.table("results", rows)
        conditions = self._conditions()
        remarks = disturbances.in_words(conditions.disturbance) + cards.in_words(conditions.readings)
        if self.is_last:  # the tests need scipy, whose import takes some tenths of a second
            remarks += changes(self.recorder.answered(), rows, self.key_column, self.title)
        self.recorder.note("\n\n".join([answer.note(), *remarks]))

    def _conditions(self) -> Conditions:
        """Return the conditions under which the points were measured."""
        return sum(map(self.series.conditions, self.points), Conditions())

    def _row(self, answer: A, point: Point) -> Row:
        """Return a point's row of results.csv."""
        row = answer.row(point)
        return {**row, **condition_columns(self.series.conditions(row[self.key_column]))}  # type: ignore[arg-type]

    def _rows(self, answer: A) -> list[Row]:
        """Return the rows of results.csv, one for each key, measured or not."""
        measured = [self._row(answer, point) for point in answer.points]
        not_measured = self.series.not_measured
        missing: list[Row] = [
            {self.key_column: key, "status": f"not measured: {not_measured[key]}"}  # type: ignore[dict-item]
            for key in self.series.keys
            if key in not_measured
        ]
        return [*measured, *missing]


class SizeReport(Report[int, Point, A]):
    """Records a series whose keys are sizes: the step of a metric is the size."""

    key_column: ClassVar[str] = "n"

    def title(self, key: int) -> str:
        return f"n={key}"

    def metric(self, name: str, key: int) -> tuple[str, int]:
        return name, key

    def missing(self) -> Iterable[tuple[str, int]]:
        """Without the largest size, a sweep would compare this run's next one with the largest of other runs."""
        largest = max(self.series.keys)
        return [(name, largest) for name in self._names] if largest in self.series.not_measured else []
