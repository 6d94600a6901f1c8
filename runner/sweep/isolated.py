"""``hydra/launcher=isolated``: a fresh process on this machine for each job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from runner.config.launcher_settings import checked
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.interruption import Interruption
from runner.execution.job import Job, JobEnd
from runner.execution.limits import Limits
from runner.execution.scheduler import Scheduler
from runner.sweep.view import SweepView


class Isolated:
    """An engine that forks a server which has imported TensorFlow; see docs/architecture.md."""

    here = True

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.at_a_time = limits.n_jobs
        self._servers = ForkServers()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Isolated:
        """From the values under ``hydra.launcher``. Raises UserError if they are wrong."""
        return cls(checked(Limits, settings))

    def check(self) -> None:
        pass

    def prepare(self, job: Job) -> None:
        self._servers.of(job.parts)

    def run(
        self, jobs: Sequence[Job], context: Context, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        scheduler = Scheduler(context, view, self._limits, interruption, self._servers)
        return scheduler.run(seed_by_seed(jobs))

    def close(self) -> None:
        self._servers.close()


def seed_by_seed(jobs: Sequence[Job]) -> list[Job]:
    """Bring jobs of the same seed together: they are compared with each other, so they should take turns.

    Jobs that differ in their seeds alone are replicates. Where any job has a single process the order stays: no turns
    are taken, and a job may need the models of those before it.
    """
    if any(OmegaConf.select(job.config, "experiment.timing.processes", default=1) < 2 for job in jobs):
        return list(jobs)
    places: dict[str, int] = {}
    seeds = [str(OmegaConf.select(job.config, "experiment.seed")) for job in jobs]
    order = [places.setdefault(seed, len(places)) for seed in seeds]
    return [job for _, job in sorted(zip(order, jobs, strict=True), key=lambda pair: pair[0])]
