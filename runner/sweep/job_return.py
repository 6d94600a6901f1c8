"""The result of a job as Hydra's sweepers take it."""

from __future__ import annotations

from hydra.core.utils import JobReturn, JobStatus

from runner.errors import UserError
from runner.execution.job import Job, JobEnd


class JobDidNotFinish(Exception):
    """Stands for the result of a job that did not finish."""


class JobWasPruned(JobDidNotFinish):
    """Stands for the result of a job that its search has ended as hopeless."""


class NoSuchMetric(UserError):
    """A finished job does not have the metric that ``sweep.metric`` names."""


def job_return(job: Job, end: JobEnd | None) -> JobReturn:
    """Return the value of ``sweep.metric``, a list of several, or an exception in their place.

    A job without an ``end`` was not started.
    """
    done = JobReturn(overrides=job.overrides, cfg=job.config, status=JobStatus.FAILED)
    if end is None or end.status != "FINISHED":
        kind = JobWasPruned if end and end.pruned_at is not None else JobDidNotFinish
        done.return_value = kind(end.reason if end else "not started")
        return done
    metrics = [objective.metric for objective in job.parts.sweep.objectives]
    if missing := [metric for metric in metrics if metric not in end.metrics]:
        done.return_value = NoSuchMetric(
            f"sweep.metric: there is no metric {missing[0]}; there are {', '.join(sorted(end.metrics))}"
        )
        return done
    values = [end.metrics[metric] for metric in metrics]
    done.status = JobStatus.COMPLETED
    done.return_value = values[0] if len(values) == 1 else values or None
    return done
