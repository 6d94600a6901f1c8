"""The recorder: an experiment hands its findings to it, and gets from it what earlier runs have left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

    Arrays = npt.NDArray[np.generic] | Mapping[str, npt.NDArray[np.generic]]

Cell = str | int | float | None
Row = Mapping[str, Cell]
T = TypeVar("T")

REGISTERED_NAME = re.compile(r"(?=.{1,200}$)(?=.*\w)[\w\-. ]+")
"""The names that a model in the registry can have."""

MODEL_FILE, TEST_SET_FILE, CALIBRATION_FILE = "model.keras", "test_set.npz", "calibration.npz"
"""The artifacts of a run that become the files of a :class:`Source`; only the first is needed."""

JUDGED_FILE = "judged.npz"
"""The artifact of a run with its model's errors on the test set (:class:`experiments.measure.contest.Judged`)."""

THIS_RUN = "RUN_ID"
"""In a note it stands for the id of the run, which only the store knows."""


@dataclass(frozen=True)
class Source:
    """A trained model that was asked for, as files on this machine."""

    title: str
    """The model in words: ``digits, version 3``."""
    model: Path
    """A ``.keras`` file."""
    test_set: Path | None = None
    """``.npz`` with the arrays x, y, and task; None where the source has none."""
    calibration: Path | None = None
    """``.npz`` with training inputs x; None where the source has none."""
    mlflow_model: Path | None = None
    """The folder of the MLflow model; None where the source is none."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Its origin: ``{"run_id": ..., "version": ...}``."""


@dataclass(frozen=True)
class Answered:
    """A finished run of the same question on the same kind of machine."""

    name: str
    began: str
    """The date and time of its start: ``2026-11-27 12:10``."""
    results: Sequence[Mapping[str, str]]
    """The rows of its results.csv, cells as text."""


@dataclass(frozen=True)
class DatasetFacts:
    """What a dataset is, as far as a store can tell and search for it."""

    name: str
    source: str
    """Its origin in words, the path of its file among them."""
    sha256: str
    """The hash of all examples, in the parts that they were split into."""
    features: tuple[str, tuple[int, ...]]
    """The dtype and the shape of one example's inputs."""
    targets: str
    """The dtype of an example's label."""
    profile: Mapping[str, Cell]
    """Counts: of the examples in each part, of the classes, and of each class's examples."""


@dataclass(frozen=True)
class ModelCard:
    """What a store tells of a model, and does with it, beside keeping it."""

    meaning: str = ""
    """What the model gives, in sentences of Markdown."""
    scores: Sequence[str] = ()
    """The names of the recorded metrics that are this model's: the store shows them with it, and sorts by them."""
    for_one_question: bool = False
    """Whether versions of its registered name must all answer one question.

    Where the name is another question's, this model's gets a suffix.
    """
    alias: str | None = None
    """The alias that its version gets if it is better than the version that has it, see :data:`JUDGED_FILE`."""


NO_CARD = ModelCard()


class Recorder(Protocol):
    """Takes findings. The runner implements it on MLflow, :mod:`experiments.testing` in memory.

    Calls are cheap, as they only fill a buffer. The buffer is written at the next :meth:`progress`, which therefore
    belongs where nothing is being timed.
    """

    store_words: Sequence[str]
    """The words of a command that name the store of this run, see :mod:`experiments.reporting.commands`."""

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Record one number. ``step`` is the size n or the epoch, over which the UI draws a curve.

        NaN and the infinities are left out, and the note says so: a store would make numbers of them.
        """

    def no_metric(self, name: str, step: int) -> None:
        """Say that a metric has no value at a step, its last one: that of an earlier step must not stand for it."""

    def figure(self, name: str, figure: Figure | Callable[[], Figure | None]) -> None:
        """Record a plot as ``plots/<name>.png`` and ``.svg``. A later one of the same name replaces it.

        The first plot of a run also stands in its description.

        A function draws it with Matplotlib's own settings, and returns None where there is nothing to draw. What the
        function or Matplotlib raises ends no run: the plot is left out, the note says why, and ``plots/<name>.txt``
        has the traceback.
        """

    def table(self, name: str, rows: Sequence[Row]) -> None:
        """Record rows as ``<name>.csv``; a row may leave columns out. A later table of the same name replaces it."""

    def file(self, path: str, content: bytes) -> None:
        """Record a file under ``path``, relative to the run's artifacts."""

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
        """Record a trained model: the content of a ``.keras`` file, and some rows of ``inputs`` with their ``outputs``.

        The rows, batch first, are kept as the model's example; their types and shapes become its signature. They are
        one array, or one for each name where the model has several inputs or outputs. ``name`` is how the run calls
        the model; a later model of the same name takes its place in the registry. ``metadata`` is shown with it,
        ``step`` is the epoch that it is from.
        With ``registered_name`` it becomes a version of that registered model when, and only when, the run
        finishes: a run that fails or is interrupted keeps its models, but registers none. The run's note then tells
        its name and version, and how to load it and predict.
        Raises ValueError for names that MLflow does not take, TypeError for anything but plain bytes and arrays.
        """

    def dataset(self, facts: DatasetFacts) -> None:
        """Record the dataset that the run works on: MLflow shows it beside the run, and finds runs by it."""

    def note(self, markdown: str) -> None:
        """Record the answer in short, shown as the run's description and at the end in the terminal."""

    def progress(self, task: str, fraction: float, text: str) -> None:
        """Report how far ``task`` is, from 0 to 1, and what is known of it now.

        Writes the buffer, and returns when everything handed over so far is stored.
        """

    def measured(self) -> None:
        """Report that nothing is timed from here on: the buffer is written, and the next job may get ready meanwhile.

        Belongs before plots are drawn. Without it a sweep takes longer, but nothing breaks.
        """

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        """The value of ``find_out()``, which is called once for all jobs of a sweep with the same device settings.

        For properties of the machine, such as its peak, to be asked for before anything is measured: jobs that measure
        beside each other have begun by then. The value must be picklable.
        """

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        """A choice that is made by measuring, in one word: that of an earlier run, or else ``find_out()``.

        The earlier run is the newest one of the same question on the same kind of machine. As the numbers depend on
        the choice, the clock decides only once, and the run can be repeated. ``name`` is one of
        :attr:`experiments.experiment.Experiment.settles`.
        """

    def fetch(self, source: str) -> Source:
        """The trained model that a field of :attr:`experiments.experiment.Experiment.sources` names.

        It was looked up before the run began, so it exists.
        """

    def earlier(self) -> Path | None:
        """A folder with what an unfinished run of the same question has left in its ``goes_on_from``.

        None unless this run is to go on with it (``sweep.resume``) and there is such a run.
        """

    def answered(self) -> Answered | None:
        """The newest finished run of the same question before this one.

        None if there is none, in a sweep, and for an experiment that times nothing (that has no field of the type
        :class:`experiments.measure.Timing`).
        """

    def handed_on(self) -> Sequence[bytes]:
        """What the run's earlier processes have handed on, in their order; empty in its first process."""

    def hand_on(self, content: bytes) -> None:
        """Let the run go on in a fresh process, once :meth:`experiments.experiment.Experiment.run` has returned.

        There the experiment runs again, and finds ``content``, which is JSON, in :meth:`handed_on`. It is kept with the
        run, so that a run that was killed can go on with the processes that are missing. Nothing is timed from here on.
        """
