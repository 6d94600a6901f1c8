"""What an experiment hands its findings to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int | float | None
Row = Mapping[str, Cell]
T = TypeVar("T")


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
