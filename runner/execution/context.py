"""The context that the jobs of one command share: store, machine, and facts about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.runtime.device import Device
from runner import environment
from runner.config.code import code_hash
from runner.config.question import fingerprint
from runner.errors import UserError
from runner.execution.job import Job
from runner.execution.neighbours import Neighbours
from runner.execution.pruner import Pruner
from runner.execution.unused_gpu import UnusedGpu
from runner.tracking import tags
from runner.tracking.orphans import end_orphans
from runner.tracking.run import experiment_id, store_errors
from runner.tracking.same_code import SameCode
from runner.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient


class SweepIsOver(UserError):
    """The sweep that asked for this job does not wait for it: if run, the job might be there twice."""


@dataclass(frozen=True)
class Parent:
    """A sweep's run, as its jobs know it."""

    id: str
    owner: str = ""
    """The process that waits for the jobs, if it is another one: the tag ``runner.process`` of the run."""


class Context:
    """The store, the machine, and what jobs have found out about it."""

    def __init__(self, store: Store, parent: Parent | None = None) -> None:
        """Touch nothing yet: :meth:`open` does. The jobs' runs become children of ``parent``, if there is one."""
        self.store = store
        self.parent = parent
        self.pruner: Pruner | None = None
        """Ends hopeless jobs, in a search that wants it."""
        self.neighbours = Neighbours()
        self.unused_gpu = UnusedGpu()
        self.client: MlflowClient
        self.surroundings: dict[str, Any]
        """Machine, packages and code, as ``environment.describe`` returns them."""
        self._is_open = False
        self._experiment_ids: dict[str, str] = {}
        self._known: dict[str, dict[str, Any]] = defaultdict(dict)

    def open(self, say: Callable[[str], None]) -> None:
        """Open the store and look at the machine, once. Raises StoreError."""
        if self._is_open:
            return
        self.surroundings = environment.describe()  # first: MLflow's settings of ours are no variables of the user's
        self.client = self.store.open(say)
        if self.parent is None:  # otherwise this was done before the parent was created
            with store_errors():
                orphans = end_orphans(self.client)
            if orphans:
                say(f"marked as KILLED: {orphans} run(s) whose process is gone")
        self._is_open = True

    def experiment_id(self, job: Job) -> str:
        """The id of the MLflow experiment for the job's run. The jobs of one sweep may belong to several."""
        name = job.parts.mlflow_experiment
        if name not in self._experiment_ids:
            self._experiment_ids[name] = experiment_id(self.store, self.client, name)
        return self._experiment_ids[name]

    def require_sweep(self) -> None:
        """Raise SweepIsOver if a sweep in another process asked for the job and no longer waits for it."""
        if self.parent is None or not self.parent.owner:
            return
        with store_errors():
            parent = self.client.get_run(self.parent.id)
        if parent.info.status != "RUNNING" or parent.data.tags.get(tags.PROCESS) != self.parent.owner:
            raise SweepIsOver("the sweep that asked for this job has ended, or goes on without it")

    def fingerprint(self, job: Job) -> str:
        """The fingerprint of a job: two runs share it if they ask the same question of the same kind of machine."""
        return fingerprint(job.question_hash, self.surroundings)

    def same_code(self, job: Job) -> SameCode:
        """Tell which runs a job may take something over from."""
        return SameCode(self.code(job), job.parts.sweep.accept_other_code)

    def code(self, job: Job) -> str:
        """The hash of the code that the job's numbers depend on."""
        return code_hash(type(job.parts.experiment))

    def known(self, device: Device) -> dict[str, Any]:
        """Facts about the machine that jobs with these device settings have found out; callers add to it."""
        return self._known[repr(device)]
