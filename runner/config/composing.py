"""Composes configs as Hydra does, without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import isdir
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from experiments.reporting.commands import quoted
from runner.errors import UserError

CONF = Path(__file__).parent.parent.parent / "conf"


def groups() -> list[str]:
    """Return the names of the groups of conf/ whose choices the command line sets."""
    return sorted(folder.name for folder in CONF.iterdir() if folder.is_dir() and folder.name != "hydra")


def composed(words: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """Return the config of a command line; ``config_dir`` is the user's own folder of choices.

    Raises UserError if that is no folder, and what Hydra raises. The schemas must be registered.
    """
    if config_dir is not None and not isdir(config_dir):
        raise UserError(f"--config-dir: there is no folder {config_dir}")
    searched = [f"hydra.searchpath=[{quoted(str(config_dir))}]"] if config_dir else []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*words, *searched])
