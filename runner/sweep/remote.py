"""The part of a sweep that runs in a cluster's process: one job."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from runner.errors import UserError
from runner.execution.context import Context, Parent, SweepIsOver
from runner.execution.fork_servers import ForkServers
from runner.execution.interruption import interruptible
from runner.execution.job import Job, JobEnd
from runner.execution.limits import Limits
from runner.execution.scheduler import Scheduler
from runner.messages import Record
from runner.tracking.store import locate

INTERRUPTED_EARLY = "interrupted before it was started"


@dataclass(frozen=True)
class RemoteJob:
    """A job that travels to a node with its composed config, so that nothing is composed there."""

    job: Job
    parent: Parent
    limits: Limits


class NoView:
    """Shows nothing: everything is in the store."""

    def say(self, text: str) -> None: ...

    def started(self, job: Job) -> None: ...

    def show(self, job: Job, records: Iterable[Record]) -> None: ...

    def ended(self, job: Job, end: JobEnd) -> None: ...


def run_remotely(remote: RemoteJob) -> JobEnd:
    """Run the job with a scheduler and a worker of its own. Whatever goes wrong is in its end, not an exception."""
    context = Context(locate(remote.job.parts.tracking), remote.parent)
    try:
        with interruptible() as interruption, closing(ForkServers()) as servers:
            scheduler = Scheduler(context, NoView(), remote.limits, interruption, servers)
            ends = [end for _, end in scheduler.run([remote.job])]
    except SweepIsOver as error:
        return JobEnd("KILLED", str(error))
    except UserError as error:
        return JobEnd("FAILED", str(error))
    except KeyboardInterrupt:
        return JobEnd("KILLED", INTERRUPTED_EARLY)
    return ends[0] if ends else JobEnd("KILLED", INTERRUPTED_EARLY)
