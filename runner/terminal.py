"""What a person sees of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.status import Status

from runner import messages


class _Output(Console):
    """Standard output that falls silent when nobody listens any more: the run goes on."""

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor does Python's exit complain


class Terminal:
    """Bars and a table on a terminal; plain lines anywhere else.

    The bars are drawn only when told to: a thread that redraws would take its time from what is measured.
    """

    def __init__(self) -> None:
        self._console = _Output(highlight=False)
        self._status: Status | None = None
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
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

    def waiting(self, what: str) -> None:
        """Something is going on that takes seconds and tells nothing."""
        if self._console.is_terminal:
            self._status = self._console.status(f"{what} ...")
            self._status.start()

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def show(self, records: Iterable[messages.Record]) -> None:
        """The progress among the records."""
        for record in records:
            if isinstance(record, messages.Progress):
                self._show_progress(record)

    def conclude(self, note: str, link: str = "", hint: str = "") -> None:
        """The answer, where to see it, and what serves it there."""
        self._stop()
        if self._console.is_terminal:
            from rich.markdown import Markdown

            self._console.print(Markdown(note))
        else:
            self.say(f"\n{note}")
        if link:
            self.say(f"\n{link}" + (f"\nserved by: {hint}" if hint else ""))

    def _show_progress(self, progress: messages.Progress) -> None:
        """A bar while a task goes on, a line when it is done."""
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
        self._bars.refresh()

    def _stop(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None
        if self._bars.live.is_started:
            self._bars.stop()
