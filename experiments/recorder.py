"""What an experiment hands its findings to."""

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

REGISTERED_NAME = re.compile(r"[\w\-. ]+")
"""Of a model in the registry."""

MODEL_FILE, TEST_SET_FILE, CALIBRATION_FILE = "model.keras", "test_set.npz", "calibration.npz"
"""The artifacts of a run that become the files of a :class:`Source`; only the first is needed."""


@dataclass(frozen=True)
class Source:
    """A trained model that was asked for, in files of this machine."""

    title: str
    """What it is, in words: ``digits, version 3``."""
    model: Path
    """A ``.keras`` file."""
    test_set: Path | None = None
    """``.npz`` with the arrays x, y, and task; None where the source has none."""
    calibration: Path | None = None
    """``.npz`` with training inputs x; None where the source has none."""
    mlflow_model: Path | None = None
    """The folder of the MLflow model, where it is one."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Where it comes from: ``{"run_id": ..., "version": ...}``."""


class Recorder(Protocol):
    """Takes findings; the runner implements it on MLflow, tests implement it in memory.

    Calls only buffer, so they are cheap. What is buffered is written at the next
    :meth:`progress`, which therefore belongs where nothing is being timed.
    """

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """One number. ``step`` is the size n or the epoch, so that the UI draws the curve."""

    def figure(self, name: str, figure: Figure) -> None:
        """A plot, kept as ``plots/<name>.png``. A later one of the same name replaces it."""

    def table(self, name: str, rows: Sequence[Row]) -> None:
        """Rows for ``<name>.csv``; a row may leave columns out. A later table of the same name replaces it."""

    def file(self, path: str, content: bytes) -> None:
        """A file, kept under ``path`` relative to the run's artifacts."""

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
    ) -> None:
        """A trained model: the content of a ``.keras`` file, and some rows of ``inputs`` with the ``outputs`` to them.

        The rows, batch first, are kept as the model's example, and tell the types and shapes of its signature:
        a few are enough. An array each, or one for each name where the model has several. ``name`` is how the
        run calls the model; a later one of the same name is another model, and replaces it for the registry.
        ``metadata`` is shown with it, ``step`` the epoch that it is from.
        With ``registered_name`` it becomes a version of that registered model when, and only when, the run
        finishes: a run that fails or is interrupted keeps its models, but registers none.
        Raises ValueError for names that MLflow does not take, TypeError for anything but plain bytes and arrays.
        """

    def note(self, markdown: str) -> None:
        """The answer in short, shown as the run's description and at the end in the terminal."""

    def progress(self, task: str, fraction: float, text: str) -> None:
        """How far ``task`` is (0 to 1) and what is known now. A quiet moment: buffers are written.

        Returns when everything handed over so far is stored.
        """

    def measured(self) -> None:
        """Nothing is timed from here on: what is buffered is written, and the next job may get ready meanwhile.

        For the moment before plots are drawn. Without it nothing breaks, a sweep only takes longer.
        """

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        """What ``find_out`` returns, asked for once: a sweep's later jobs with the same device settings get it, too.

        For what is the machine's and not the job's, such as the peak. The value must be picklable.
        """

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        """A choice that is made by measuring, and that the numbers depend on: what ``find_out`` returns, a word.

        Or what the newest run of the same question on the same kind of machine has settled, so that a run can be
        repeated: the clock decides once. ``name`` is one of :attr:`experiments.experiment.Experiment.settles`.
        """

    def fetch(self, source: str) -> Source:
        """The trained model that a field of :attr:`experiments.experiment.Experiment.sources` names.

        It was looked up before the run began: a source that does not exist leaves no run.
        """

    def earlier(self) -> Path | None:
        """What an unfinished run of the same question has left in the experiment's folder ``goes_on_from``.

        None unless this run is to go on with it (``sweep.resume``) and there is such a run.
        """
