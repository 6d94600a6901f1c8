"""The result of a job as Hydra's sweepers take it."""

from __future__ import annotations

from hydra.core.utils import JobReturn, JobStatus

from runner.errors import UserError
from runner.execution.job import Job, JobEnd


class JobDidNotFinish(Exception):
    """Stands for the result of a job that did not finish."""


class NoSuchMetric(UserError):
    """A finished job does not have the metric that ``sweep.metric`` names."""


def job_return(job: Job, end: JobEnd | None) -> JobReturn:
    """Return the value of ``sweep.metric``, or an exception in its place; a job without an ``end`` was not started."""
    done = JobReturn(overrides=job.overrides, cfg=job.config, status=JobStatus.FAILED)
    if end is None or end.status != "FINISHED":
        done.return_value = JobDidNotFinish(end.reason if end else "not started")
        return done
    metric = job.parts.sweep.metric
    if metric is not None and metric not in end.metrics:
        done.return_value = NoSuchMetric(
            f"sweep.metric: there is no metric {metric}; there are {', '.join(sorted(end.metrics))}"
        )
        return done
    done.status = JobStatus.COMPLETED
    done.return_value = end.metrics[metric] if metric is not None else None
    return done
