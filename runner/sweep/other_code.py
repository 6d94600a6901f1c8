"""Marks the jobs of a sweep that other code has made than the one that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.reporting.markdown import literal
from experiments.reporting.text import listed
from runner.config.code import code_hash
from runner.execution.job import Job
from runner.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run

UNKNOWN = "unknown"
"""The code of a run that was made before runs kept it."""


class OtherCode:
    """Tells which runs of a sweep were made by other code than that of ``jobs``."""

    def __init__(self, jobs: Sequence[Job], accepts_other: bool) -> None:
        """Only a sweep that ``accepts_other`` can have taken over runs whose code is not known."""
        kinds = {type(job.parts.experiment) for job in jobs}
        self._present = {kind.name: code_hash(kind) for kind in kinds}
        self._accepts_other = accepts_other

    def of(self, run: Run) -> str:
        """Return the hash of the other code that made a run, or UNKNOWN; empty if it was the present one."""
        code = run.data.tags.get(tags.CODE, "")
        present = self._present.get(run.data.tags.get(tags.EXPERIMENT, ""), code)
        is_other = code != present and (code or self._accepts_other)
        return (code or UNKNOWN) if is_other else ""

    def remark(self, names: Sequence[str], runs: Sequence[Run]) -> str:
        """Return a sentence on the jobs that other code has made; empty without any."""
        others = [literal(name) for name, run in zip(names, runs, strict=True) if self.of(run)]
        if not others:
            return ""
        return f"**Made by other code than this command's, as accepted:** {listed(others)}. summary.csv tells the code."
