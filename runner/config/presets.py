"""Presets that are grids. Hydra would silently take the keys of the last one, or of none, so they are read here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os.path import isfile
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from runner.config.composing import CONF
from runner.config.question import GRID, SWEEPER, key_of, sweeper_of
from runner.config.words import readable
from runner.errors import UserError

PRESET = "preset"


def require_grids_apart(words: Sequence[str], config_dir: Path | None) -> None:
    """Raise UserError if a preset with swept keys is joined with another one, or is one of several of a search."""
    folders = [config_dir, CONF] if config_dir else [CONF]
    for names in (names for word in words if key_of(word) == PRESET for names in _alternatives(word)):
        grids = [name for name in names if grid_of(name, folders)]
        if grids and len(names) > 1:
            raise UserError(
                f"{PRESET}: {' and '.join(grids)} {'are grids' if len(grids) > 1 else 'is a grid'}, which cannot be "
                f"joined with another preset; name one, +{PRESET}={grids[0]}, and write other keys beside it, or have "
                f"one after the other: -m +{PRESET}={','.join(names)}"
            )
        sweeper = sweeper_of(words)
        if grids and sweeper != GRID:
            raise UserError(
                f"{PRESET}: {grids[0]} is a grid, which {SWEEPER}={sweeper} does not run; write its keys in its place, "
                f"or leave out {SWEEPER}"
            )


def one_by_one(words: Sequence[str], folders: Sequence[Path]) -> Iterator[list[str]]:
    """Yield the overrides of a grid once for each of the presets among them, behind the swept keys of that preset.

    A single preset stays as it is: Hydra finds its swept keys.
    """
    several = next((word for word in words if key_of(word) == PRESET and len(_alternatives(word)) > 1), None)
    if several is None:
        yield list(words)
        return
    sign = several.partition(PRESET)[0]
    for names in _alternatives(several):
        swept = [readable(f"{key}={values}") for name in names for key, values in grid_of(name, folders).items()]
        value = names[0] if len(names) == 1 else f"[{','.join(names)}]"
        yield [f"{sign}{PRESET}={value}", *swept, *(word for word in words if word != several)]


def _alternatives(word: str) -> list[list[str]]:
    """Return the presets that a word names: each value of a sweep is a list of those that it joins."""
    try:
        value: Any = OverridesParser.create().parse_override(word).value()
    except HydraException:  # Hydra says so later
        return []
    values = value.list if isinstance(value, ChoiceSweep) else [value]
    return [[str(name) for name in one] if isinstance(one, list) else [str(one)] for one in values]


def grid_of(name: str, folders: Sequence[Path]) -> Mapping[str, Any]:
    """Return the swept keys of a preset with their values; none if it cannot be read, which Hydra tells later.

    ``folders`` have choices, as conf/ has.
    """
    paths = [folder / PRESET / f"{name}.yaml" for folder in folders]
    path = next((path for path in paths if isfile(path)), None)
    try:
        found = OmegaConf.select(OmegaConf.load(path), "hydra.sweeper.params") if path else None
    except (YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError):
        return {}
    return {str(key): found[key] for key in found} if isinstance(found, DictConfig) else {}
