"""The files that a job names are looked at before anything starts."""

from __future__ import annotations

from experiments.experiment import Choice
from runner.config.files import require_choice_files
from runner.execution.job import Job
from runner.tracking.sources import require_source_files


def require_files(job: Job, seen: list[Choice] | None = None) -> None:
    """Raise UserError for the first file of a choice, or of a model by its path, that cannot be used.

    Choices that equal one of ``seen`` are not looked at again; those that are looked at are added to it.
    """
    require_choice_files(job.parts.experiment, seen)
    require_source_files(job.parts.experiment)
