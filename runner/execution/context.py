"""What the jobs of one command share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.runtime.device import Device
from runner import environment
from runner.config.question import fingerprint
from runner.errors import UserError
from runner.execution.job import Job
from runner.tracking import tags
from runner.tracking.orphans import end_orphans
from runner.tracking.run import experiment_id, store_errors
from runner.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient


class SweepIsOver(UserError):
    """Nobody waits for this job: run again, it would be there twice."""


@dataclass(frozen=True)
class Parent:
    """The run of a sweep, as its jobs know it."""

    id: str
    experiment_id: str
    owner: str = ""
    """The process that waits for the jobs, where that is not this one: ``runner.process`` of the run."""


class Context:
    """The store, the machine, and what has been found out about it."""

    def __init__(self, store: Store, parent: Parent | None = None) -> None:
        """Touches nothing yet: :meth:`open` does. ``parent`` is the run whose children the jobs' runs are."""
        self.store = store
        self.parent = parent
        self.client: MlflowClient
        self.surroundings: dict[str, Any]
        """Machine, packages, code."""
        self._is_open = False
        self._experiment_ids: dict[str, str] = {}
        self._known: dict[str, dict[str, Any]] = defaultdict(dict)

    def open(self, say: Callable[[str], None]) -> None:
        """Opens the store and looks at the machine, once. Raises StoreError."""
        if self._is_open:
            return
        self.client = self.store.open()
        if self.parent is None:  # else whoever made the parent has looked
            with store_errors():
                orphans = end_orphans(self.client)
            if orphans:
                say(f"marked as KILLED: {orphans} run(s) whose process is gone")
        self.surroundings = environment.describe()
        self._is_open = True

    def experiment_id(self, job: Job) -> str:
        """The MLflow experiment that the job's run belongs to: children show only beside their parent."""
        if self.parent is not None:
            return self.parent.experiment_id
        name = job.parts.tracking.experiment or job.parts.experiment.name
        if name not in self._experiment_ids:
            self._experiment_ids[name] = experiment_id(self.store, self.client, name)
        return self._experiment_ids[name]

    def require_sweep(self) -> None:
        """Raises SweepIsOver where the sweep that had asked for a job from elsewhere does not wait for it any more."""
        if self.parent is None or not self.parent.owner:
            return
        with store_errors():
            parent = self.client.get_run(self.parent.id)
        if parent.info.status != "RUNNING" or parent.data.tags.get(tags.PROCESS) != self.parent.owner:
            raise SweepIsOver("the sweep that asked for this job has ended, or goes on without it")

    def fingerprint(self, job: Job) -> str:
        """What two runs share that asked the same of the same kind of machine."""
        return fingerprint(job.question_hash, self.surroundings)

    def known(self, device: Device) -> dict[str, Any]:
        """What jobs with these device settings have found out about the machine; to be added to."""
        return self._known[repr(device)]
