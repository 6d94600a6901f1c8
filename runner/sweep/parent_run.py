"""The parent run while its sweep goes on: it tells what the jobs are, and at the end their answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from runner.errors import StoreError
from runner.execution.context import Context
from runner.execution.interruption import Interruption
from runner.execution.job import Job
from runner.execution.new_run import reopen
from runner.sweep.answer import SweepAnswer
from runner.sweep.parent import children
from runner.sweep.sweep_jobs import SweepJobs
from runner.sweep.view import SweepView
from runner.tracking.run import TrackedRun

if TYPE_CHECKING:
    from mlflow.entities import Run

JOBS = "jobs.json"
"""The artifact of a sweep with every job's config."""


class ParentRun:
    """Describes a sweep in its run, and ends the run with the sweep's answer and true status."""

    def __init__(
        self,
        context: Context,
        run: TrackedRun,
        view: SweepView,
        interruption: Interruption,
        described: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """``described`` is the content of its jobs.json: nothing of a ``run`` that has just begun."""
        self.context = context
        self._run, self._view, self._interruption = run, view, interruption
        self._described = {int(job["number"]): job for job in described}

    @classmethod
    def reopened(cls, context: Context, found: Run, view: SweepView, interruption: Interruption) -> Self:
        """Reopen the run of the sweep to resume, which keeps the jobs of its earlier commands.

        Raises StoreError, and UserError if another program has reopened it meanwhile.
        """
        run = reopen(context, found)
        return cls(context, run, view, interruption, run.read_json(JOBS) or ())

    @property
    def id(self) -> str:
        return self._run.id

    def describe(self, jobs: Sequence[Job]) -> None:
        """Record what is needed to understand the sweep: the environment, and each job's config as composed.

        Raises StoreError.
        """
        self._described |= {
            job.number: {"number": job.number, "question": job.question_hash, "config": dict(job.question)}
            for job in jobs
        }
        in_order = [self._described[number] for number in sorted(self._described)]
        self._run.json({"environment.json": self.context.surroundings, JOBS: in_order})

    def close(self, jobs: SweepJobs, at_a_time: int, error: BaseException | None) -> None:
        """Record and show the answer of jobs that ran ``at_a_time``, and end the run. Raises StoreError.

        ``error`` is what has ended the sweep before its time.
        """
        if isinstance(error, StoreError):  # it names the folders of what was saved, which no second error may hide
            self._show(jobs, "")
            with self._interruption.dispensable():
                self._run.end_if_possible("FAILED")
            return
        try:
            self._show(jobs, self._record_answer(jobs, at_a_time))
            self._run.end(self._status(jobs, error))
        except BaseException:
            status = self._status(jobs, error)
            self._run.end_if_possible("FAILED" if status == "FINISHED" else status)
            raise

    def _show(self, jobs: SweepJobs, answer: str) -> None:
        self._view.conclude(jobs.table, answer, self._run.link, self._run.ui_hint)

    def _record_answer(self, jobs: SweepJobs, at_a_time: int) -> str:
        """Record the answer; return it in Markdown. What it knows of the jobs of earlier commands goes to ``jobs``."""
        self._view.working("comparing the jobs", 0, None)
        self.describe(jobs.asked)
        runs = list(children(self.context, self.id))
        uri = self.context.client.tracking_uri
        answer = SweepAnswer(runs, uri, jobs.settings, jobs.asked, jobs.not_started, at_a_time, jobs.left_open)
        jobs.earlier_finished = answer.all_finished
        # After a signal there may be little time left, and a resumed sweep compares its jobs.
        kinds = [] if self._was_interrupted else dict.fromkeys(type(job.parts.experiment) for job in jobs.asked)
        self._run.record(answer.records(list(kinds)))
        return self._run.last_note

    def _status(self, jobs: SweepJobs, error: BaseException | None) -> str:
        if jobs.all_finished and (error is None or self._was_interrupted):
            return "FINISHED"
        return "KILLED" if self._was_interrupted else "FAILED"

    @property
    def _was_interrupted(self) -> bool:
        return self._interruption.number is not None
