"""``hydra/launcher=isolated|slurm|ray``: gives the jobs of a sweeper to the running sweep, with an engine for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from runner.execution.pruner import Pruner
    from runner.sweep.composition import Composition
    from runner.sweep.engine import Engine
    from runner.sweep.plan import Plan
    from runner.sweep.sweep import Sweep


class SweepLauncher(Launcher):
    """Hands the jobs of a sweeper to the sweep that the command line has begun, or to the plan of one."""

    jobs_in_all = 0
    """The number of jobs that a sweeper launches in batches; 0 if it launches all at once."""
    pruner: Pruner | None = None
    """Ends hopeless jobs, where a sweeper wants it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        sweep: Sweep | Plan | None = getattr(task_function, "sweep", None)
        assert sweep is not None, "a launcher of this project was used outside python -m runner -m"
        self.sweep = sweep

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        later = max(0, self.jobs_in_all - initial_job_idx - len(job_overrides))
        return self.sweep.launch(self.engine, self.composition, job_overrides, initial_job_idx, later, self.pruner)

    @cached_property
    def composition(self) -> Composition:
        """The composition of the whole sweep, so that later batches reuse what earlier ones have composed."""
        from runner.sweep.composition import Composition

        return Composition(self.hydra_context.config_loader, self.config)

    @cached_property
    def engine(self) -> Engine:
        """The engine of the whole sweep, for all of its batches. Raises UserError for wrong settings."""
        return self.new_engine()

    def new_engine(self) -> Engine:
        raise NotImplementedError


class IsolatedLauncher(SweepLauncher):
    """Fresh processes on this machine."""

    def new_engine(self) -> Engine:
        from runner.sweep.isolated import Isolated

        return Isolated.from_settings(self.settings)


class SlurmLauncher(SweepLauncher):
    """A job array of a Slurm cluster."""

    def new_engine(self) -> Engine:
        from runner.cluster.slurm import Slurm
        from runner.sweep.clustered import Clustered

        return Clustered.from_settings(Slurm, self.settings)


class RayLauncher(SweepLauncher):
    """Tasks of a Ray cluster."""

    def new_engine(self) -> Engine:
        from runner.cluster.ray_cluster import Ray
        from runner.sweep.clustered import Clustered

        return Clustered.from_settings(Ray, self.settings)
