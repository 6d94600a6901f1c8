"""Shows a sweep on the terminal: a line for each running job, and one for the whole."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console
from rich.progress import TaskID

from runner import messages
from runner.cli.terminal import Screen
from runner.execution.job import Job, JobEnd

MOST_LINES = 50
"""About so many jobs that finish have a line of their own."""


class SweepTerminal(Screen):
    """Live lines on a terminal, redrawn at each call; everywhere a line for each job that ends.

    Of many jobs that finish only some have a line, those that do not finish always.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._lines: dict[int, TaskID] = {}
        self._total, self._done, self._failed = 0, 0, 0
        self._begun: float | None = None
        self._whole = self._bars.add_task("sweep", total=None, text="", visible=False)

    def working(self, what: str, done: int, total: int | None) -> None:
        """Show work before or after the jobs: ``done`` of ``total`` steps, None if the total is not known."""
        text = f"{done} of {total}" if total is not None else ""
        self._update(self._whole, description=what, completed=done, total=total, text=text, visible=True)

    def expect(self, jobs: int) -> None:
        """Announce that ``jobs`` more jobs will run."""
        self._total = self._done + jobs
        self._begun = self._begun or time.monotonic()
        self._show_whole()

    def started(self, job: Job) -> None:
        if self._console.is_terminal:
            self._lines[job.number] = self._bars.add_task(_title(job), total=1.0, text="starting")
            self._show_whole()

    def show(self, job: Job, records: Iterable[messages.Record]) -> None:
        """Show the newest progress among the records of a job."""
        for record in records:
            if isinstance(record, messages.Progress) and job.number in self._lines:
                text = f"{record.task}: {record.text}"
                self._update(self._lines[job.number], completed=record.fraction, text=text)

    def ended(self, job: Job, end: JobEnd) -> None:
        """Print one line with the end of a job, unless it is one of many that finish."""
        self._done += 1
        self._failed += not end.is_over
        if job.number in self._lines:
            self._bars.remove_task(self._lines.pop(job.number))
        if end.status != "FINISHED" or self._is_milestone():
            what = end.reason.removeprefix(f"{end.in_a_word} ") or f"{end.seconds:.1f} s"
            self.say(f"{self._done}/{self._total}  {_title(job)}  {end.in_a_word}: {what}")
        self._show_whole()

    def conclude(self, table: str, answer: str, link: str, ui_hint: str) -> None:
        """Print a table of all jobs, the sweep's answer, and where to see it."""
        self._stop()
        for text in (table, answer):
            if text:
                self._say_markdown(text)
        self._say_where(link, ui_hint)

    def _is_milestone(self) -> bool:
        return self._done % max(1, -(-self._total // MOST_LINES)) == 0 or self._done == self._total

    def _show_whole(self) -> None:
        failed = f", {self._failed} not finished" if self._failed else ""
        text = f"{self._done} of {self._total}{failed}{self._time_left()}"
        self._update(self._whole, description="sweep", completed=self._done, total=self._total, text=text, visible=True)

    def _time_left(self) -> str:
        """Estimate the remaining time from the rate at which jobs have ended so far."""
        if self._begun is None or not 0 < self._done < self._total:
            return ""
        seconds = (time.monotonic() - self._begun) / self._done * (self._total - self._done)
        return f", about {in_words(seconds)} left"

    def _update(self, task: TaskID, **changes: object) -> None:
        if self._console.is_terminal:
            if not self._bars.live.is_started:
                self._bars.start()
            self._bars.update(task, **changes)  # type: ignore[arg-type]  # rich types them one by one
            self._bars.refresh()


def in_words(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _title(job: Job) -> str:
    return f"{job.number} {job.title}"
