"""``hydra/sweeper=optuna``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from runner.errors import UserError


class OptunaSweeper(Sweeper):
    """Searches for the best values of metrics. The arguments are the keys of conf/hydra/sweeper/optuna.yaml."""

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(
        self,
        n_trials: int = 20,
        n_jobs: int = 1,
        sampler: str = "tpe",
        seed: int | None = None,
        pruner: str = "none",
        min_steps: int = 1,
        study_name: str | None = None,
        storage: str | None = None,
    ) -> None:
        # Checked by Search: what is raised here would reach the user in Hydra's wrapping.
        self.settings: dict[str, Any] = {
            "n_trials": n_trials,
            "n_jobs": n_jobs,
            "sampler": sampler,
            "seed": seed,
            "pruner": pruner,
            "min_steps": min_steps,
            "study_name": study_name,
            "storage": storage,
        }

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before ``sweep``."""
        from hydra.core.plugins import Plugins

        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run the search, print what it found, and return the jobs of each batch. Raises UserError."""
        if not find_spec("optuna"):
            raise UserError("hydra/sweeper=optuna: Optuna is not installed; pip install 'tensorflow-lab-bench[optuna]'")
        from runner.sweep.search.config import search_of  # late: Hydra imports this file at every start
        from runner.sweep.search.search_sweep import SearchSweep

        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        search = search_of(arguments, self.config, parser, **self.settings)
        self.validate_batch_is_legal(search.space.examples())  # a misspelt key ends it here, not in every trial
        return SearchSweep(search, self.launcher).run()
