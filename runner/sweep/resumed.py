"""The jobs that a resumed sweep takes over from its earlier commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.config.sweep_settings import SweepSettings
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import Job, JobEnd
from runner.sweep.finished import Finished
from runner.sweep.job_results import seconds_of
from runner.sweep.known_runs import known_run
from runner.sweep.parent import children
from runner.tracking import tags
from runner.tracking.description import words
from runner.tracking.last_metrics import last_metrics
from runner.tracking.orphans import owner_tags
from runner.tracking.run import end_run

if TYPE_CHECKING:
    from mlflow.entities import Run


class Resumed:
    """The runs of a sweep's earlier commands, each of which stands for one job that need not run again."""

    def __init__(self, context: Context, runs: Sequence[Run], settings: SweepSettings) -> None:
        """``runs`` are those of the sweep's jobs, in the order in which they began."""
        self._context = context
        self._runs = {run.info.run_id: run for run in runs}
        self._finished = Finished(map(known_run, runs), settings, prunes=context.pruner is not None)

    @classmethod
    def of(cls, context: Context, parent_id: str, settings: SweepSettings) -> Resumed:
        """Read the children of a parent run. Raises UserError if some of its jobs still run."""
        runs = list(children(context, parent_id))
        _require_none_running([run for run in runs if run.info.status == "RUNNING"], context, settings)
        return cls(context, runs, settings)

    def take(self, job: Job, here: bool) -> JobEnd | None:
        """Take out the end of a job; None if it has to run. Only of jobs that run ``here`` is the machine known."""
        fingerprint = self._context.fingerprint(job) if here else None
        found = self._finished.take(job.question_hash, fingerprint, self._context.same_code(job))
        return end_of(self._runs[found.id]) if found else None

    def remarks(self) -> list[str]:
        """Return a sentence on the finished jobs that were not taken; none if all were."""
        return self._finished.remarks()


def _require_none_running(running: Sequence[Run], context: Context, settings: SweepSettings) -> None:
    """Raise UserError for RUNNING jobs unless they may be taken for dead.

    If a process was on this machine and is gone, its run is KILLED by now; of other machines only a person knows.
    """
    here = [run for run in running if run.data.tags.get(tags.HOST) == owner_tags()[tags.HOST]]
    if here:
        raise UserError(f"sweep.resume: {len(here)} job(s) of the sweep still go on, on this machine; wait for them")
    if running and not settings.retry_running:
        hosts = sorted({run.data.tags.get(tags.HOST, "?") for run in running})
        raise UserError(
            f"sweep.resume: {len(running)} job(s) of the sweep still go on, on {', '.join(hosts)}; wait for them, "
            "or give sweep.retry_running=true if you know that they are dead"
        )
    for run in running:
        end_run(context.client, run.info.run_id, "KILLED", "taken for dead when the sweep was resumed")


def end_of(run: Run) -> JobEnd:
    """The end of a job as its run tells it."""
    found = run.data.tags
    return JobEnd(
        run.info.status,
        found.get(tags.REASON, ""),
        run.info.run_id,
        seconds_of(run),
        last_metrics(run),
        note=words(found.get(tags.NOTE, "")),
        pruned_at=int(found[tags.PRUNED]) if tags.PRUNED in found else None,
    )
