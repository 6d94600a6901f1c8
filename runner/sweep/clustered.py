"""``hydra/launcher=slurm`` and ``ray``: every job in a process that a cluster's engine starts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from runner.bench import Bench
from runner.cluster.cluster import Cluster, Lost
from runner.conductor import Interruption, Limits
from runner.errors import UserError
from runner.job import Job, JobEnd
from runner.job_run import NUMBER_TAG, REASON_TAG
from runner.sweep.launcher_settings import checked
from runner.sweep.remote import RemoteJob, run_remotely
from runner.sweep.view import SweepView
from runner.tracking.run import NOTE_TAG, PARENT_TAG, store_errors

CANCEL_SECONDS = 8.0
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
        remote = [RemoteJob(job, bench.parent, self.limits) for job in jobs]
        waiting = dict(enumerate(jobs))
        try:
            # Nothing here could look at a flag while it waits for the cluster.
            with interruption.raising(), closing(self.cluster.map(run_remotely, remote)) as results:
                for index, result in results:
                    end = result if isinstance(result, JobEnd) else self._lost(jobs[index], result, bench)
                    view.ended(jobs[index], end)
                    yield waiting.pop(index), end
        except KeyboardInterrupt:
            yield from self._cancelled(list(waiting.values()), bench, view, interruption)

    def close(self) -> None:
        """The cluster's processes end with :meth:`run`."""

    def _lost(self, job: Job, lost: Lost, bench: Bench) -> JobEnd:
        return _end_run(job, bench, JobEnd("FAILED", lost.reason))

    def _cancelled(
        self, jobs: Sequence[Job], bench: Bench, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        """Cancelled jobs end their runs themselves, if they are given a moment."""
        deadline = time.monotonic() + CANCEL_SECONDS
        while _running(bench) and time.monotonic() < deadline:
            time.sleep(0.5)
        name = interruption.number.name if interruption.number else "a signal"
        for job in jobs:
            end = _end_run(job, bench, JobEnd("KILLED", f"interrupted by {name}; what was measured is kept"))
            if end.run_id is not None:
                view.ended(job, end)
                yield job, end


def _running(bench: Bench, job: Job | None = None) -> list[str]:
    """The children of the sweep that say RUNNING; of one job, if given."""
    assert bench.parent is not None
    of_job = f" AND tags.`{NUMBER_TAG}` = '{job.number}'" if job else ""
    with store_errors():
        found = bench.client.search_runs(
            [bench.parent.experiment_id],
            f"attributes.status = 'RUNNING' AND tags.`{PARENT_TAG}` = '{bench.parent.id}'{of_job}",
        )
    return [run.info.run_id for run in found]


def _end_run(job: Job, bench: Bench, end: JobEnd) -> JobEnd:
    """Ends the run that a job has left behind, if it has."""
    run_id = None
    for run_id in _running(bench, job):
        with store_errors():
            note = bench.client.get_run(run_id).data.tags.get(NOTE_TAG, "")
            bench.client.set_tag(run_id, NOTE_TAG, f"**{end.status}**: {end.reason}\n\n{note}".strip())
            bench.client.set_tag(run_id, REASON_TAG, end.reason)
            bench.client.set_terminated(run_id, end.status)
    return JobEnd(end.status, end.reason, run_id)
