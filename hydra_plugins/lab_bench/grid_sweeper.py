"""``hydra/sweeper=grid``, the default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from runner.config.words import readable

FILE = "file://"


class GridSweeper(BasicSweeper):
    """Hydra's grid, with all jobs launched together and none composed twice."""

    def __init__(self, params: dict[str, str] | None = None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> Sequence[Any]:
        """Launch every combination of the values, with each of the stored configs that are replayed."""
        assert self.launcher
        assert self.config
        assert self.hydra_context
        from runner.config.presets import one_by_one  # late: Hydra imports this file at every start
        from runner.sweep.grid import jobs_of

        params = [readable(f"{key}={values}") for key, values in self.params.items()]
        sweep = getattr(self.launcher, "sweep", None)  # of this project's launchers
        zipped = OmegaConf.select(self.config, "sweep.zip") or ()
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        jobs = []
        for stored in sweep.replays.alternatives if sweep else [()]:
            for words in one_by_one([*stored, *arguments], self._folders()):
                jobs += jobs_of(parser, [*params, *words], zipped)
        return self.launcher.launch(jobs, initial_job_idx=0)

    def _folders(self) -> list[Path]:
        """Return the folders in which Hydra looks for choices."""
        assert self.hydra_context
        searched = self.hydra_context.config_loader.get_search_path().get_path()
        paths = (one.path.removeprefix(FILE) for one in searched)
        return [Path(path) for path in paths if "://" not in path]  # no pkg:// or structured://
