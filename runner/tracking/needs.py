"""What jobs need of a store, which is asked for it before they begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.config.validation import Parts


@dataclass(frozen=True)
class Needs:
    """What jobs are to leave in a store."""

    experiments: frozenset[str] = frozenset()
    """The MLflow experiments that get runs; empty if nothing is to be written."""
    models: bool = False
    """Whether a run may leave trained models."""
    versions: bool = False
    """Whether a run may register a version of a model."""


NOTHING = Needs()


def needs_of(jobs: Iterable[Parts]) -> Needs:
    """Return what jobs with these configs need."""
    jobs = list(jobs)
    return Needs(
        frozenset(job.mlflow_experiment for job in jobs),
        any(job.experiment.leaves_models for job in jobs),
        any(job.experiment.registers_models for job in jobs),
    )
