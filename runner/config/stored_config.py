"""The config that a run has kept, and the words of a command line that compose it again.

Only its values are used: they become overrides of the present conf/, which are checked as any others are. Nothing in it
is followed or called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.experiment import Experiment
from experiments.reporting.commands import override
from experiments.reporting.text import first_line
from runner.config.composing import composed
from runner.config.question import is_asked, question, question_hash
from runner.config.validation import flat
from runner.errors import UserError

NOTHING = object()
"""Stands for the value of a key that is not there."""


def read_values(text: str) -> dict[str, Any]:
    """Return the values of a config.yaml under their full keys, without those of the store and the sweep.

    Raises UserError if it is no config, or if a value refers to another one: stored configs are resolved.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except (YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"its config.yaml cannot be read: {first_line(error)}") from None
    if not isinstance(content, dict):
        raise UserError("its config.yaml holds no keys")
    values = {key: value for key, value in _leaves(content) if is_asked(key)}
    for key, value in values.items():
        if "${" in json.dumps(value, default=str):
            raise UserError(f"its config.yaml refers from {key} to elsewhere, which is not followed")
    return values


def words_of_config(kind: type[Experiment], values: Mapping[str, Any], config_dir: Path | None) -> list[str]:
    """Return the overrides with which the default config of an experiment gets these values.

    ``values`` has the names of choices, too. A key that is younger than the values keeps its default. Raises UserError
    for a key that is no longer there, and what Hydra raises for a choice that is not.
    """
    words = [f"experiment={kind.name}"]
    words += _choices(composed(words, config_dir), kind, values)
    config = composed(words, config_dir)
    if gone := sorted(values.keys() - question(flat(config)).keys() - _in_open_maps(config, values)):
        raise UserError(f"{gone[0]}: there is no such key any more in the config of {kind.name}")
    # Values that follow others, such as experiment.seed the seed, may be right once those are set.
    words += _differing(config, values, but=_following(config))
    return words + _differing(composed(words, config_dir), values)


def require_same_version(kind: type[Experiment], values: Mapping[str, Any], kept: str) -> None:
    """Raise UserError unless the values asked the question whose hash is ``kept`` of this version of the experiment."""
    hashes = {question_hash(values, version): version for version in range(1, kind.version + 1)}
    if kept not in hashes:
        raise UserError("its config.yaml does not belong to its fingerprint: it was changed, or hides an address")
    if (version := hashes[kept]) != kind.version:
        raise UserError(
            f"{kind.name} was version {version} then and is {kind.version} now, so the same config gives other numbers"
        )


def _leaves(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield values as :func:`runner.config.validation.flat` does."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _choices(default: DictConfig, kind: type[Experiment], values: Mapping[str, Any]) -> list[str]:
    """The words of the groups: what else a choice sets is then no difference."""
    before = dict(flat(default))
    keys = {"device": "device.kind", **{group: f"experiment.{group}" for group in kind.choices}}
    return [
        f"{group}={values[key]}"
        for group, key in keys.items()
        if isinstance(values.get(key), str) and values[key] != before[key]
    ]


def _differing(config: DictConfig, values: Mapping[str, Any], but: Sequence[str] = ()) -> list[str]:
    now = dict(flat(config))
    differing = [key for key, value in values.items() if key not in but and not _same(now.get(key, NOTHING), value)]
    superfluous = [key for key in now if key not in values and _is_in_open_map(config, key)]
    return [*(override(key, values[key]) for key in differing), *(f"~{key}" for key in superfluous)]


def _same(one: Any, other: Any) -> bool:
    """Whether values are the same, in lists, too. NaN is; numbers differ from their texts."""
    return one is not NOTHING and json.dumps(one, default=str) == json.dumps(other, default=str)


def _following(config: DictConfig) -> list[str]:
    """The keys whose values are those of other keys."""
    return [key for key, _ in flat(config) if _is_reference(config, key)]


def _is_reference(config: DictConfig, key: str) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and OmegaConf.is_interpolation(node, name)


def _in_open_maps(config: DictConfig, values: Mapping[str, Any]) -> set[str]:
    return {key for key in values if _is_in_open_map(config, key)}


def _is_in_open_map(config: DictConfig, key: str) -> bool:
    """Whether a key is in a map such as experiment.at, whose keys no schema knows."""
    node = OmegaConf.select(config, key.rpartition(".")[0], throw_on_resolution_failure=False)
    return isinstance(node, DictConfig) and OmegaConf.get_type(node) is dict
