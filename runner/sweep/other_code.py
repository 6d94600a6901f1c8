"""Marks the jobs that were run by other code than the present one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.reporting.markdown import literal
from experiments.reporting.text import listed
from runner.config.code import code_hash
from runner.execution.job import Job
from runner.tracking import tags
from runner.tracking.same_code import other_code

if TYPE_CHECKING:
    from mlflow.entities import Run


class OtherCode:
    """Tells which runs of a sweep were made by other code than that of ``jobs``."""

    def __init__(self, jobs: Sequence[Job], accepts_other: bool) -> None:
        """Only a sweep that ``accepts_other`` can have taken over runs whose code is not known."""
        kinds = {type(job.parts.experiment) for job in jobs}
        self._present = {kind.name: code_hash(kind) for kind in kinds}
        self._accepts_other = accepts_other

    def of(self, run: Run) -> str:
        """Return the hashes of the other code that made a run, or began it, or UNKNOWN; empty if there is none."""
        return " ".join(self._others(run))

    def _others(self, run: Run) -> list[str]:
        present = self._present.get(run.data.tags.get(tags.EXPERIMENT, ""))
        if present is None or not (self._accepts_other or tags.CODE in run.data.tags):
            return []
        return other_code(run.data.tags, present)

    def remark(self, names: Sequence[str], runs: Sequence[Run]) -> str:
        """Return sentences on the jobs that other code has made or begun; empty without any."""
        made, begun = list[str](), list[str]()
        for name, run in zip(names, runs, strict=True):
            if others := self._others(run):
                is_begun = others == run.data.tags.get(tags.BEGUN_BY, "").split()
                (begun if is_begun else made).append(literal(name))
        kinds = [("Made", made), ("Begun", begun)]
        parts = [
            f"**{kind} by other code than this command's, as accepted:** {listed(jobs)}."
            for kind, jobs in kinds
            if jobs
        ]
        return " ".join([*parts, "summary.csv tells the code."]) if parts else ""
