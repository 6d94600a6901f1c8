"""What must hold of the jobs of a sweep before the first one starts."""

from __future__ import annotations

from collections.abc import Sequence

from runner.config.question import is_asked, key_of
from runner.errors import UserError
from runner.execution.job import Job
from runner.execution.pruner import Pruner


def require_common(job: Job) -> None:
    """Raise UserError if a key of the store or of the sweep differs between jobs."""
    for word in job.distinct:
        if not is_asked(key := key_of(word)):
            raise UserError(f"{key}: cannot vary from job to job within a sweep")


def require_no_chain(jobs: Sequence[Job]) -> None:
    """Raise UserError if a job may need the model of an earlier one, for which jobs of a cluster do not wait."""
    trained = False
    for job in jobs:
        experiment = job.parts.experiment
        if trained and experiment.sources:
            raise UserError(
                f"hydra/launcher: {experiment.name} would not wait for the models of this sweep, since a cluster runs "
                "jobs in any order; train first, then deploy in a sweep of its own, or leave out hydra/launcher"
            )
        trained |= experiment.leaves_models


def require_prunable(pruner: Pruner | None, here: bool, jobs: Sequence[Job]) -> None:
    """Raise UserError if a search cannot end hopeless jobs: on a cluster, or where nothing shows that they are."""
    if pruner is None:
        return
    if not here:
        raise UserError(
            "hydra.sweeper.pruner: what jobs on a cluster find is not seen before they end; leave out hydra/launcher, "
            "or the pruner"
        )
    for job in jobs:
        pruner.require_steps(job)


def require_right(job: Job, is_first: bool) -> None:
    """Raise UserError if the job's config is wrong; the message names the job unless it is the first."""
    try:
        _ = job.parts
    except UserError as error:
        where = "" if is_first else f"job {job.number} ({' '.join(job.distinct)}): "
        raise UserError(f"{where}{error}") from None
