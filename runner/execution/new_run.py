"""The run of a job in the store, created with what must be known to understand it and to repeat it, or reopened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import psutil
from omegaconf import OmegaConf

from experiments.reporting.commands import command
from experiments.runtime.device import Placement
from runner.addresses import without_credentials
from runner.config.run_name import run_name, subject
from runner.environment import code_files
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import Job
from runner.messages import Started
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.run import TrackedRun, store_errors

if TYPE_CHECKING:
    from mlflow.entities import Run


def new_run(
    job: Job, context: Context, started: Started | None, turns: Sequence[str] = (), seconds_ago: float = 0.0
) -> TrackedRun:
    """Create the run of a job that began ``seconds_ago``.

    ``started`` is None if TensorFlow or the device did not start. ``turns`` are those of its processes so far.
    Raises SweepIsOver if the sweep that asked for the job no longer waits for it, and StoreError.
    """
    context.require_sweep()
    placement = started.placement if started else None
    run = TrackedRun.create(
        context.store,
        context.client,
        context.experiment_id(job),
        _name(job, placement),
        _job_tags(job, context, placement) | ({tags.TURNS: " ".join(turns)} if turns else {}),
        seconds_ago,
    )
    config = f"# {command(*job.flags, *job.overrides)}\n{OmegaConf.to_yaml(job.config, resolve=True)}"
    try:
        run.parameters(job.question)
        run.files({"config.yaml": without_credentials(config).encode(), **code_files()})
        run.json({"environment.json": context.surroundings | {"tensorflow": started and started.tensorflow}})
    except BaseException as error:
        run.end_if_possible("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    return run


def reopen(context: Context, found: Run) -> TrackedRun:
    """Reopen a run that has ended. From now on it belongs to this process.

    Raises UserError if another program has reopened it since it was found.
    """
    with store_errors():
        now = context.client.get_run(found.info.run_id)
        if now.info.status == "RUNNING" and (found.info.status, _owner(found)) != ("RUNNING", _owner(now)):
            raise UserError(
                f"sweep.resume: another program goes on with the run {found.info.run_id[:8]}; wait for its end"
            )
        for name, value in owner_tags().items():
            context.client.set_tag(found.info.run_id, name, value)
        if tags.REASON in found.data.tags:
            context.client.delete_tag(found.info.run_id, tags.REASON)
        context.client.update_run(found.info.run_id, status="RUNNING")
    return TrackedRun(context.store, context.client, found)


def _owner(run: Run) -> tuple[str | None, str | None]:
    return run.data.tags.get(tags.HOST), run.data.tags.get(tags.PROCESS)


def source_tags(context: Context) -> dict[str, str]:
    """Tags that say who made a run, with which code, and which process keeps it going."""
    tagged = {
        "mlflow.user": psutil.Process().username(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "python -m runner",
        "mlflow.source.git.commit": context.surroundings["code"]["commit"],
    }
    return {name: value for name, value in (tagged | owner_tags()).items() if value}


def _name(job: Job, placement: Placement | None) -> str:
    """The user's name for a run, unless it is one of several of a sweep, or else one that tells it from others."""
    own = None if job.distinct else job.parts.tracking.run_name
    device = placement.actual if placement else ""
    return own or run_name(device, job.distinct or job.overrides, subject(job.parts.experiment))


def _job_tags(job: Job, context: Context, placement: Placement | None) -> dict[str, str]:
    overrides = [without_credentials(word) for word in job.overrides]
    in_sweep = {tags.JOB: str(job.number), tags.OVERRIDES: json.dumps(overrides)}
    tagged: Mapping[str, str | None] = {
        "device.requested": job.parts.device.requested,
        "device.actual": placement.actual if placement else None,
        "device.hardware": placement.hardware if placement else None,
        tags.EXPERIMENT: job.parts.experiment.name,
        tags.FINGERPRINT: context.fingerprint(job),
        tags.CODE: context.code(job),
        **({tags.PARENT: context.parent.id, **in_sweep} if context.parent else {}),
        tags.REPLAYS: job.replays,
        tags.REFINES: context.fingerprint(job.refines) if job.refines else None,
        **source_tags(context),
        **job.parts.tracking.tags,
    }
    return {name: value for name, value in tagged.items() if value}
