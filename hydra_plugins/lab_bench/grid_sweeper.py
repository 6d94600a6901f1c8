"""``hydra/sweeper=grid``, the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser


class GridSweeper(BasicSweeper):
    """Hydra's grid, but a failed job does not end it, and no job is composed twice."""

    def sweep(self, arguments: list[str]) -> Sequence[Any]:
        """Launches every combination; the launcher composes and checks all of a batch before it starts any."""
        assert self.launcher
        assert self.hydra_context
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        returns: list[Any] = []
        for batch in self.split_arguments(overrides, self.max_batch_size):
            returns += self.launcher.launch(batch, initial_job_idx=len(returns))
        return returns
