"""The interface of views of a sweep."""

from __future__ import annotations

from typing import Protocol

from runner.execution.view import View


class SweepView(View, Protocol):
    """A :class:`View` of several jobs that also shows the sweep as a whole."""

    def working(self, what: str, done: int, total: int | None) -> None:
        """Show work before or after the jobs: ``done`` of ``total`` steps, None where the total is not known."""

    def expect(self, jobs: int) -> None:
        """Announce so many more jobs."""

    def conclude(self, table: str, answer: str, link: str, ui_hint: str) -> None:
        """Show all jobs as a table, the sweep's answer in Markdown, and where to see it."""
