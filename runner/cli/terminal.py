"""Shows a run on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.status import Status

from experiments.reporting.markdown import markdown_table
from runner import messages
from runner.execution.job import Job, JobEnd

MARGIN = 2
"""Lines of the terminal that are left free below the bars."""

MOST_METRICS = 30


class Screen:
    """Common base of the views: progress bars on a terminal, plain lines elsewhere.

    Bars are redrawn only at a call: a thread that redraws would disturb what is being measured.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            auto_refresh=False,
            transient=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def _say_markdown(self, text: str) -> None:
        """Print Markdown, typeset on a terminal and as it stands elsewhere."""
        if self._console.is_terminal:
            from rich.markdown import Markdown  # late: help and config errors do not wait for it

            self._console.print(Markdown(text))
        else:
            self.say(f"\n{text}")

    def _say_where(self, link: str, ui_hint: str) -> None:
        """Print the run's address in the UI, and the command that serves the UI."""
        self.say(f"\n{link}" + (f"\nto open it: {ui_hint}" if ui_hint else ""))

    def _stop(self) -> None:
        if self._bars.live.is_started:
            self._bars.stop()


class Terminal(Screen):
    """Shows one run: its tasks while they run, then its answer."""

    def __init__(self, ui_hint: str = "", console: Console | None = None) -> None:
        """``ui_hint`` is the command that serves the UI; empty if it is served already."""
        super().__init__(console)
        self._ui_hint = ui_hint
        self._status: Status | None = None
        self._tasks: dict[str, TaskID] = {}

    def started(self, job: Job) -> None:
        """Show that TensorFlow starts, which takes seconds without progress."""
        if self._console.is_terminal:
            self._status = self._console.status("starting TensorFlow ...")
            self._status.start()

    def show(self, job: Job, records: Iterable[messages.Record]) -> None:
        """Show the progress among the records of a job."""
        for record in records:
            if isinstance(record, messages.Progress):
                self._show_progress(record)

    def ended(self, job: Job, end: JobEnd) -> None:
        """Print the run's answer and where to see it."""
        self._stop()
        if end.run_id is None:
            return
        if end.note:
            self._say_markdown(end.note)
        if end.metrics and _says_nothing(end):
            self._say_markdown(_metrics(end.metrics))
        self._say_where(end.link, self._ui_hint)

    def _show_progress(self, progress: messages.Progress) -> None:
        """Show a bar while a task runs, and print a line when it is done."""
        done = progress.fraction >= 1
        if self._console.is_terminal:
            self._draw_bars(progress, done)
        if done:
            self.say(f"{progress.task}: {progress.text}")

    def _draw_bars(self, progress: messages.Progress, done: bool) -> None:
        if not self._bars.live.is_started:
            self._stop()
            self._bars.start()
        if progress.task not in self._tasks:
            self._tasks[progress.task] = self._bars.add_task(progress.task, total=1.0, text="")
        self._bars.update(self._tasks[progress.task], completed=progress.fraction, text=progress.text, visible=not done)
        self._hide_oldest()
        self._bars.refresh()

    def _hide_oldest(self) -> None:
        """Keep the newest lines on the screen: a training has one for each epoch."""
        shown = [task.id for task in self._bars.tasks if task.visible]
        for task in shown[: -max(1, self._console.height - MARGIN)]:
            self._bars.update(task, visible=False)

    def _stop(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None
        super()._stop()


def _says_nothing(end: JobEnd) -> bool:
    """Whether the note is empty, or only tells why the job did not finish."""
    return not end.note or (bool(end.reason) and "\n\n" not in end.note)


def _metrics(metrics: Mapping[str, float]) -> str:
    """Return the last value of each metric as a table."""
    rows = [{"metric": name, "value": f"{value:.6g}"} for name, value in list(metrics.items())[:MOST_METRICS]]
    more = len(metrics) - MOST_METRICS
    return markdown_table(rows) + (f"\n\n{more} more metrics are in the UI." if more > 0 else "")
