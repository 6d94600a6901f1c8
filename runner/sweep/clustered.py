"""``hydra/launcher=slurm`` and ``ray``: a cluster starts a process for each job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runner.addresses import credentials_in, without_credentials, without_user
from runner.cluster.cluster import Cluster, Lost
from runner.config.launcher_settings import checked
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.interruption import Interruption
from runner.execution.job import Job, JobEnd
from runner.execution.limits import Limits
from runner.execution.new_run import new_run
from runner.sweep.job_results import number_of
from runner.sweep.parent import children
from runner.sweep.remote import RemoteJob, run_remotely
from runner.sweep.resumed import end_of
from runner.sweep.view import SweepView
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.run import end_run

if TYPE_CHECKING:
    from mlflow.entities import Run

LIMITS = ("timeout", "start_timeout")
"""The limits that a job's own scheduler enforces; the cluster enforces all others."""

CANCEL_SECONDS = 7.0
"""How long cancelled jobs may take to record what they have, before this process ends their runs."""


@dataclass(eq=False)
class Clustered:
    """An engine that hands jobs to a cluster. Their runs go to a tracking server."""

    cluster: Cluster
    limits: Limits
    here: bool = False
    at_a_time: int = 1
    memory_bytes: int | None = None

    @classmethod
    def from_settings(cls, kind: type[Cluster], settings: Mapping[str, Any]) -> Clustered:
        """From the values under ``hydra.launcher``: the fields of ``kind``, and the LIMITS. Raises UserError."""
        of_cluster = {key: value for key, value in settings.items() if key not in LIMITS}
        limits = {key: settings[key] for key in LIMITS if key in settings}
        return cls(checked(kind, of_cluster), checked(Limits, limits))

    def check(self) -> None:
        self.cluster.check()

    def prepare(self, job: Job) -> None:
        """Raise UserError for a store that only this machine sees."""
        if job.parts.tracking.kind != "server" and not self.cluster.is_this_machine:
            raise UserError(
                "hydra/launcher: jobs on other machines need a tracking server; "
                "give tracking=server tracking.uri=http://host:port (docs/scaling.md)"
            )

    def run(
        self, jobs: Sequence[Job], context: Context, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        """See :class:`runner.sweep.engine.Engine`."""
        assert context.parent is not None
        parent = replace(context.parent, owner=owner_tags()[tags.PROCESS])
        remote = [RemoteJob(self._without_password(job), parent, self.limits) for job in jobs]
        runs = _Runs(context)
        waiting = dict(enumerate(jobs))
        try:
            # While this waits for the cluster, it cannot look at a flag.
            with interruption.raising(), closing(self.cluster.map(run_remotely, remote)) as results:
                for index, result in results:
                    end = JobEnd("FAILED", result.reason) if isinstance(result, Lost) else result
                    if end.run_id is None:
                        end = _with_run(jobs[index], runs.by_job(), end, context)
                    view.ended(jobs[index], end)
                    yield waiting.pop(index), end
        except KeyboardInterrupt:
            for job, end in _cancelled(list(waiting.values()), runs, context, interruption):
                view.ended(job, end)
                yield job, end

    def _without_password(self, job: Job) -> Job:
        """Take user and password out of a job that will lie in a file: they travel in the environment."""
        uri = job.parts.tracking.uri
        if not self.cluster.keeps_jobs_in_files or not uri or not (found := credentials_in(uri)):
            return job
        os.environ.update(found)
        config = job.config.copy()
        config.tracking.uri = without_user(uri)
        overrides, distinct = (list(map(without_credentials, words)) for words in (job.overrides, job.distinct))
        return replace(job, config=config, overrides=overrides, distinct=distinct)

    def close(self) -> None:
        """Do nothing: the cluster's processes end with :meth:`run`."""


class _Runs:
    """The runs that processes elsewhere create for this command's jobs. A resumed sweep also has earlier runs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._before = {run.info.run_id for run in self._children()}

    def by_job(self) -> dict[int, Run]:
        """Return the runs by the numbers of their jobs; if a job was run again, the newest."""
        return {number_of(run): run for run in self._children() if run.info.run_id not in self._before}

    def _children(self) -> Iterator[Run]:
        assert self._context.parent is not None
        return children(self._context, self._context.parent.id)


def _cancelled(
    jobs: Sequence[Job], runs: _Runs, context: Context, interruption: Interruption
) -> Iterator[tuple[Job, JobEnd]]:
    """Give cancelled jobs a moment to end their runs themselves; then end the others."""
    deadline = time.monotonic() + CANCEL_SECONDS
    while any(run.info.status == "RUNNING" for run in runs.by_job().values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    name = interruption.number.name if interruption.number else "a signal"
    found = runs.by_job()
    for job in jobs:
        if job.number in found:
            killed = JobEnd("KILLED", f"interrupted by {name}; what was measured is kept")
            yield job, _end_run(found[job.number], context, killed)


def _with_run(job: Job, runs: Mapping[int, Run], end: JobEnd, context: Context) -> JobEnd:
    """End the run of a job whose process is lost; create one to hold the reason if the job had not begun."""
    if job.number in runs:
        return _end_run(runs[job.number], context, end)
    run = new_run(job, context, None)
    end_run(context.client, run.id, end.status, end.reason)
    return replace(end, run_id=run.id)


def _end_run(run: Run, context: Context, end: JobEnd) -> JobEnd:
    """End a run unless its job has done so."""
    if run.info.status != "RUNNING":
        return end_of(run)
    end_run(context.client, run.info.run_id, end.status, end.reason)
    return replace(end, run_id=run.info.run_id)
