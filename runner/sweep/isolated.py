"""``hydra/launcher=isolated``: every job in a fresh process on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.bench import Bench
from runner.conductor import Conductor, Interruption, Limits
from runner.job import Job, JobEnd
from runner.lab_servers import LabServers
from runner.sweep.launcher_settings import checked
from runner.sweep.view import SweepView


class Isolated:
    """Forks of a server that has TensorFlow imported; see docs/architecture.md."""

    here = True

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.at_a_time = limits.n_jobs
        self._servers = LabServers()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Isolated:
        """From what stands under ``hydra.launcher``. Raises UserError where that is wrong."""
        return cls(checked(Limits, settings))

    def check(self) -> None:
        pass

    def prepare(self, job: Job) -> None:
        self._servers.of(job.parts)

    def run(
        self, jobs: Sequence[Job], bench: Bench, view: SweepView, interruption: Interruption
    ) -> Iterator[tuple[Job, JobEnd]]:
        conductor = Conductor(bench, view, self._limits, interruption, self._servers)
        return conductor.conduct(jobs)

    def close(self) -> None:
        self._servers.close()
