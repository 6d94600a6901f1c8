"""A recorder in memory, for tests of experiments: this project's own, and those of other packages.

>>> from experiments.experiment import Experiment
>>> class Half(Experiment):
...     name = "half"
...
...     def run(self, recorder):
...         recorder.metric("half", 0.5)
>>> recorder = MemoryRecorder()
>>> Half().run(recorder)
>>> recorder.metrics
{('half', 0): 0.5}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from experiments.recorder import NO_CARD, Answered, Cell, DatasetFacts, ModelCard, Row, Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.recorder import Arrays

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class RecordedModel:
    """What :meth:`experiments.recorder.Recorder.model` was given."""

    keras_file: bytes
    inputs: Arrays
    outputs: Arrays
    registered_name: str | None
    metadata: Mapping[str, Cell]
    step: int
    card: ModelCard


@dataclass
class MemoryRecorder:
    """Implements :class:`experiments.recorder.Recorder`: keeps everything that an experiment records.

    Give it ``sources``, ``earlier_files`` and ``choices`` where the experiment asks for them. An experiment that takes
    several processes runs as often in this one with :meth:`run_to_end`.
    """

    interrupt_at: int | None = None
    """Raise KeyboardInterrupt, as Ctrl-C does, at this call of :meth:`progress`; the first call is 1."""
    earlier_files: Path | None = None
    """What :meth:`earlier` returns."""
    answer_before: Answered | None = None
    """What :meth:`answered` returns."""
    sources: dict[str, Source] = field(default_factory=dict)
    """What :meth:`fetch` returns, by the name that the experiment asks for."""
    store_words: tuple[str, ...] = ()
    choices: dict[str, str] = field(default_factory=dict)
    """What is settled: what earlier runs have settled, and after the run also what it has settled itself."""
    metrics: dict[tuple[str, int], float] = field(default_factory=dict)
    """(name, step) -> value."""
    not_finite: dict[tuple[str, int], float] = field(default_factory=dict)
    """The metrics that are NaN or infinite, which no store gets."""
    tables: dict[str, list[Row]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> content."""
    models: dict[str, RecordedModel] = field(default_factory=dict)
    datasets: list[DatasetFacts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """In Markdown; the last one is the run's."""
    handed: list[bytes] = field(default_factory=list)
    """What :meth:`hand_on` was given."""
    progresses: list[tuple[str, float, str]] = field(default_factory=list)
    """(task, fraction, text) of each call of :meth:`progress`."""

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Keeps the value. Fails where the step has one already: the store keeps both, and the curve would be wrong."""
        kept = self.metrics if math.isfinite(value) else self.not_finite
        assert (name, step) not in kept, f"{name} has two values at step {step}"
        kept[name, step] = value

    def no_metric(self, name: str, step: int) -> None:
        self.metric(name, math.nan, step)

    def figure(self, name: str, figure: Figure | Callable[[], Figure | None]) -> None:
        """Draws at once. What the drawing raises is not caught, as it is elsewhere: a test is to see it."""
        drawn = figure() if callable(figure) else figure
        if drawn is not None:
            self.figures[name] = drawn

    def table(self, name: str, rows: Sequence[Row]) -> None:
        self.tables[name] = list(rows)

    def file(self, path: str, content: bytes) -> None:
        self.files[path] = content

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
        facts = dict(metadata or {})
        self.models[name] = RecordedModel(keras_file, inputs, outputs, registered_name, facts, step, card)

    def dataset(self, facts: DatasetFacts) -> None:
        self.datasets.append(facts)

    def note(self, markdown: str) -> None:
        self.notes.append(markdown)

    def progress(self, task: str, fraction: float, text: str) -> None:
        self.progresses.append((task, fraction, text))
        if len(self.progresses) == self.interrupt_at:
            raise KeyboardInterrupt

    def measured(self) -> None:
        pass

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        return find_out()

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        if not self.choices.get(name):
            self.choices[name] = find_out()
        return self.choices[name]

    def fetch(self, source: str) -> Source:
        return self.sources[source]

    def earlier(self) -> Path | None:
        return self.earlier_files

    def answered(self) -> Answered | None:
        return self.answer_before

    def steps(self, metric: str) -> list[int]:
        """The steps at which a metric has a value, in ascending order."""
        return sorted(step for name, step in self.metrics if name == metric)

    def handed_on(self) -> Sequence[bytes]:
        return self.handed

    def hand_on(self, content: bytes) -> None:
        self.handed.append(content)

    def run_to_end(self, run: Callable[[MemoryRecorder], None]) -> None:
        """Call an experiment's ``run`` once for each process that it takes."""
        before = -1
        while len(self.handed) > before:
            before = len(self.handed)
            run(self)
