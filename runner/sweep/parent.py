"""Begins the parent run of a sweep, or finds it again, and finds its children, the runs of the jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.reporting.commands import command as as_command
from runner.addresses import without_credentials
from runner.config.question import sweep_key
from runner.config.run_name import words_of
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import Job
from runner.execution.new_run import source_tags
from runner.sweep.known_runs import improves_the_same
from runner.tracking import tags
from runner.tracking.find_run import search
from runner.tracking.orphans import owner_tags
from runner.tracking.paging import paged
from runner.tracking.run import TrackedRun, store_errors

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = 1000


def new_parent(context: Context, job: Job, command: Sequence[str]) -> TrackedRun:
    """Create the run of a sweep whose first job is ``job``."""
    tagged = {
        tags.KEY: sweep_key(command),
        tags.COMMAND: without_credentials(as_command("-m", *job.flags, *command)),
        **source_tags(context),
        **job.parts.tracking.tags,
    }
    name = job.parts.tracking.run_name or " ".join(["sweep", *words_of(command)])[:60]
    return TrackedRun.create(context.store, context.client, context.experiment_id(job), name, tagged)


def find_parent(context: Context, job: Job, command: Sequence[str]) -> Run | None:
    """Find the sweep that ``sweep.resume`` names; None if there is none to resume.

    Raises UserError if it names something else than a sweep, or a sweep that is still running.
    """
    resume = job.parts.sweep.resume
    found = _newest(context, job, command) if resume is True else _named(context, str(resume))
    if found is not None and found.info.status == "RUNNING":
        _require_dead(found, job.parts.sweep.retry_running)
    return found


def _require_dead(found: Run, may_be_elsewhere: bool) -> None:
    """Raise UserError unless a RUNNING sweep may be taken for dead.

    If its process was on this machine and is gone, its status is KILLED by now; of other machines only a person knows.
    """
    host, process = found.data.tags.get(tags.HOST, "?"), found.data.tags.get(tags.PROCESS, "?").split()[0]
    elsewhere = host != owner_tags()[tags.HOST]
    if not (elsewhere and may_be_elsewhere):
        hint = ", or give sweep.retry_running=true if you know that it is dead" if elsewhere else ""
        raise UserError(
            f"sweep.resume: the sweep {found.info.run_id} is still going on (process {process} on {host}); "
            f"wait for it, or stop it first{hint}"
        )


def children(context: Context, parent_id: str) -> Iterator[Run]:
    """Return the runs of a sweep's jobs in the order in which they began, whichever MLflow experiments they are in."""
    return search(context.client, f"tags.`{tags.PARENT}` = '{parent_id}'", order="ASC", page_size=PAGE)


def _newest(context: Context, job: Job, command: Sequence[str]) -> Run | None:
    condition = f"tags.`{tags.KEY}` = '{sweep_key(command)}'"
    with store_errors():
        experiments = [context.experiment_id(job)]
        newest = ["attributes.start_time DESC"]
        newest_first = paged(context.client.search_runs, experiments, condition, order_by=newest)
        return next((run for run in newest_first if improves_the_same(run.data.tags, command)), None)


def _named(context: Context, run_id: str) -> Run:
    from mlflow.exceptions import MlflowException

    try:
        found = context.client.get_run(run_id)
    except MlflowException:
        raise UserError(f"sweep.resume: there is no run {run_id} in this store; give the id of a sweep's run") from None
    if tags.KEY not in found.data.tags:
        raise UserError(f"sweep.resume: the run {run_id} is not a sweep's; give the id of the parent run")
    return found
