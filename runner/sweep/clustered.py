"""``hydra/launcher=slurm`` and ``ray``: every job in a process that a cluster's engine starts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runner.bench import Bench
from runner.cluster.cluster import Cluster, Lost
from runner.conductor import Interruption, Limits
from runner.errors import UserError
from runner.job import Job, JobEnd
from runner.job_run import new_run
from runner.sweep.finished import end_of
from runner.sweep.launcher_settings import checked
from runner.sweep.members import number_of
from runner.sweep.parent import children
from runner.sweep.remote import RemoteJob, run_remotely
from runner.sweep.view import SweepView
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.run import end_run

if TYPE_CHECKING:
    from mlflow.entities import Run

CANCEL_SECONDS = 7.0
"""How long cancelled jobs may take to write down what they have, before this process ends their runs."""


@dataclass(eq=False)
class Clustered:
    """Jobs on a cluster, whose engine sees to places and queues; the runs go to a tracking server."""

    cluster: Cluster
    limits: Limits
    here: bool = False
    at_a_time: int = 1

    @classmethod
    def from_settings(cls, kind: type[Cluster], settings: Mapping[str, Any]) -> Clustered:
        """From what stands under ``hydra.launcher``: ``kind``'s fields, and ``timeout``. Raises UserError."""
        of_cluster = {key: value for key, value in settings.items() if key != "timeout"}
        return cls(checked(kind, of_cluster), checked(Limits, {"timeout": settings.get("timeout")}))

    def check(self) -> None:
        self.cluster.check()

    def prepare(self, job: Job) -> None:
        """Raises UserError for a store that only this machine sees."""
        if job.parts.tracking.kind != "server" and not self.cluster.is_this_machine:
            raise UserError(
                "hydra/launcher: jobs on other machines need a tracking server; "
                "give tracking=server tracking.uri=http://host:port (docs/scaling.md)"
            )

    def run(
        self, jobs: Sequence[Job], bench: Bench, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        """See :class:`runner.sweep.engine.Engine`."""
        assert bench.parent is not None
        parent = replace(bench.parent, owner=owner_tags()[tags.PROCESS])
        remote = [RemoteJob(job, parent, self.limits) for job in jobs]
        waiting = dict(enumerate(jobs))
        try:
            # Nothing here could look at a flag while it waits for the cluster.
            with interruption.raising(), closing(self.cluster.map(run_remotely, remote)) as results:
                for index, result in results:
                    end = result if isinstance(result, JobEnd) else _lost(jobs[index], result, bench)
                    view.ended(jobs[index], end)
                    yield waiting.pop(index), end
        except KeyboardInterrupt:
            yield from self._cancelled(list(waiting.values()), bench, view, interruption)

    def close(self) -> None:
        """The cluster's processes end with :meth:`run`."""

    def _cancelled(
        self, jobs: Sequence[Job], bench: Bench, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        """Cancelled jobs end their runs themselves, if they are given a moment."""
        deadline = time.monotonic() + CANCEL_SECONDS
        while any(run.info.status == "RUNNING" for run in _runs_of(bench)) and time.monotonic() < deadline:
            time.sleep(0.5)
        name = interruption.number.name if interruption.number else "a signal"
        runs = {number_of(run): run for run in _runs_of(bench)}
        for job in jobs:
            if job.number in runs:
                killed = JobEnd("KILLED", f"interrupted by {name}; what was measured is kept")
                end = _end_run(runs[job.number], bench, killed)
                view.ended(job, end)
                yield job, end


def _lost(job: Job, lost: Lost, bench: Bench) -> JobEnd:
    """A job whose process is gone: its run is ended, or made for the reason's sake if it had not begun."""
    failed = JobEnd("FAILED", lost.reason)
    runs = {number_of(run): run for run in _runs_of(bench)}
    if job.number in runs:
        return _end_run(runs[job.number], bench, failed)
    run = new_run(job, bench, None)
    end_run(bench.client, run.id, failed.status, failed.reason)
    return replace(failed, run_id=run.id)


def _end_run(run: Run, bench: Bench, end: JobEnd) -> JobEnd:
    """Ends the run of a job unless it has ended itself."""
    if run.info.status != "RUNNING":
        return end_of(run)
    end_run(bench.client, run.info.run_id, end.status, end.reason)
    return replace(end, run_id=run.info.run_id)


def _runs_of(bench: Bench) -> list[Run]:
    """The children of the sweep; of a job that was run again, the newest comes last."""
    assert bench.parent is not None
    return list(children(bench, bench.parent.id, bench.parent.experiment_id))
