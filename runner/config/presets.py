"""Presets that are grids: only one of them can be, since Hydra would silently take the keys of the last one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from runner.config.composing import CONF
from runner.config.question import key_of
from runner.errors import UserError

PRESET = "preset"


def require_one_grid(words: Sequence[str], config_dir: Path | None) -> None:
    """Raise UserError if a preset with swept keys is one of several that the overrides name."""
    named = [name for word in words if key_of(word) == PRESET for name in _names(word)]
    grids = [name for name in named if _sweeps(name, config_dir)]
    if grids and len(named) > 1:
        raise UserError(
            f"{PRESET}: {' and '.join(grids)} {'are grids' if len(grids) > 1 else 'is a grid'}, which cannot be joined "
            f"with another preset; name one, +{PRESET}={grids[0]}, and write other keys beside it"
        )


def _names(word: str) -> list[str]:
    """Return the presets that a word names, in a list or as the values of a sweep."""
    try:
        value: Any = OverridesParser.create().parse_override(word).value()
    except HydraException:  # Hydra says so later
        return []
    found = value.list if isinstance(value, ChoiceSweep) else value
    return [str(name) for name in found] if isinstance(found, list) else [str(found)]


def _sweeps(name: str, config_dir: Path | None) -> bool:
    """Return whether a preset has swept keys; not if it cannot be read, which Hydra tells later."""
    paths = [folder / PRESET / f"{name}.yaml" for folder in (config_dir, CONF) if folder]
    path = next((path for path in paths if path.is_file()), None)
    try:
        return path is not None and bool(OmegaConf.select(OmegaConf.load(path), "hydra.sweeper.params"))
    except (YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError):
        return False
