"""``hydra/launcher=isolated``: a fresh process on this machine for each job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.config.launcher_settings import checked
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.gpus import require_one_gpu
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
        self.memory_bytes = limits.memory_bytes
        self._servers = ForkServers()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Isolated:
        """From the values under ``hydra.launcher``. Raises UserError if they are wrong."""
        return cls(checked(Limits, settings))

    def check(self) -> None:
        pass

    def prepare(self, job: Job) -> None:
        self._require_one_gpu(job)
        self._servers.of(job.parts)

    def run(
        self, jobs: Sequence[Job], context: Context, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        for job in jobs:
            self._require_one_gpu(job)
        scheduler = Scheduler(context, view, self._limits, interruption, self._servers)
        return scheduler.run(jobs)

    def _require_one_gpu(self, job: Job) -> None:
        if self._limits.gpus is not None:
            require_one_gpu(job.parts.device)

    def close(self) -> None:
        self._servers.close()
