"""What the jobs of a search have come to, as Optuna is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from optuna.trial import TrialState

from runner.sweep.job_return import JobWasPruned, NoSuchMetric
from runner.sweep.search.search import Told


def told(job: JobReturn) -> Told:
    """Return what a study is told of a job: its values, or that it was pruned, or failed to have finite values."""
    if job.status is not JobStatus.COMPLETED:  # asked for its value it would raise
        return TrialState.PRUNED if isinstance(job._return_value, JobWasPruned) else TrialState.FAIL
    found: Any = job.return_value
    values = found if isinstance(found, list) else [found]
    are_finite = all(isinstance(value, Real) and math.isfinite(value) for value in values)
    return [float(value) for value in values] if are_finite else TrialState.FAIL


def require_metric(jobs: Sequence[JobReturn]) -> None:
    """Raise UserError if a job has finished without the metric: a misspelt one would fail every trial."""
    for job in jobs:
        if isinstance(job._return_value, NoSuchMetric):
            raise job._return_value
