"""Runs one job alone: ``python -m runner`` without ``-m``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from experiments.measure.timing import processes_of
from runner.cli.done import Done, going_on
from runner.cli.terminal import Terminal
from runner.errors import ExitStatus, UserError
from runner.execution.context import Context
from runner.execution.files import require_files
from runner.execution.fork_servers import ForkServers
from runner.execution.interruption import Interruption, interruptible
from runner.execution.job import Job, JobEnd
from runner.execution.limits import Limits
from runner.execution.scheduler import Scheduler
from runner.tracking.needs import needs_of
from runner.tracking.store import locate


def run_alone(job: Job, then: Callable[[str], None] = lambda run_id: None) -> Done:
    """Run the job; ``then`` gets the id of a run that has FINISHED.

    Raises UserError if nothing could be started, StoreError if the store fails.
    """
    if isinstance(resume := job.parts.sweep.resume, str):
        raise UserError(f"sweep.resume={resume}: this names a sweep, which goes on with -m; a single run takes true")
    require_files(job)
    context = Context(locate(job.parts.tracking))
    context.store.check(needs_of([job.parts]))
    with (
        Terminal(context.store.ui_hint) as terminal,
        interruptible() as interruption,
        closing(ForkServers()) as servers,
    ):
        scheduler = Scheduler(context, terminal, Limits(), interruption, servers)
        try:
            end = next((end for _, end in scheduler.run([job])), None)
        except KeyboardInterrupt:  # while the store was opened; later ones are the scheduler's
            end = None
    if end and end.run_id and end.status == "FINISHED":
        then(end.run_id)
    return replace(_done(job, end, interruption), store=context.store)


def _done(job: Job, end: JobEnd | None, interruption: Interruption) -> Done:
    if end is None or (end.run_id is None and interruption.number):
        assert interruption.number is not None
        problem = "interrupted before anything was measured; there is no run"
        return Done(ExitStatus.of_signal(interruption.number), None, [problem])
    problems = [end.reason] if end.reason else []
    if interruption.number is None:
        return Done(end.exit_status, end.run_id, problems, end.traceback)
    if end.status != "FINISHED" and _can_go_on(job):
        problems.append(going_on(*job.flags, *job.overrides))
    return Done(ExitStatus.of_signal(interruption.number), end.run_id, problems, end.traceback)


def _can_go_on(job: Job) -> bool:
    """Whether another command can take over what an interrupted run has left: a checkpoint, or whole processes."""
    experiment = job.parts.experiment
    return bool(experiment.goes_on_from) or processes_of(experiment) > 1
