"""The config's types, and the discovery of experiments.

Every part of the config has a dataclass behind it, registered in Hydra's ConfigStore under
``schema/``. A YAML file of the group ``experiment`` names its own in its defaults list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib import metadata
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from experiments.experiment import Experiment, defined_in, modules
from experiments.reporting.text import first_line
from experiments.runtime.device import Device
from runner.config.nodes import child
from runner.config.sweep_settings import SweepSettings
from runner.config.tracking_settings import Tracking

ENTRY_POINTS = "tensorflow_lab_bench.experiments"
"""The entry point group by which another package adds its experiments."""

SCHEMA = "schema"


@dataclass
class Config:
    """The whole config of one job."""

    experiment: Any = None
    device: Device = field(default_factory=Device)
    tracking: Tracking = field(default_factory=Tracking)
    sweep: SweepSettings = field(default_factory=SweepSettings)
    seed: int = 0


def register() -> None:
    """Register every schema with Hydra."""
    store = ConfigStore.instance()
    store.store(group=SCHEMA, name="config", node=Config, package="_global_")
    store.store(group=SCHEMA, name="device", node=Device)
    store.store(group=SCHEMA, name="tracking", node=Tracking)
    for experiment in experiments():
        store.store(group=f"{SCHEMA}/experiment", name=experiment.name, node=_with_open_maps(experiment))
        for group, choices in experiment.choices.items():
            for choice in choices:
                store.store(group=f"{SCHEMA}/{group}", name=choice.name, node=choice)


def _with_open_maps(experiment: type[Experiment]) -> DictConfig:
    """Return the schema of an experiment whose maps accept undeclared keys, such as the names of variables."""
    schema: DictConfig = OmegaConf.structured(experiment)
    for key in map(str, schema):
        node = child(schema, key)
        if isinstance(node, DictConfig) and OmegaConf.get_type(node) is dict:
            OmegaConf.set_struct(node, False)
    return schema


@cache
def experiments() -> list[type[Experiment]]:
    """Return this project's experiments and those of installed packages.

    A module that cannot be imported is left out with a line on standard error, so that the others still work.
    """
    found: dict[str, type[Experiment]] = {}
    for module in modules():
        with _left_out_if_broken(module, module):
            found |= {experiment.name: experiment for experiment in defined_in(module)}
    for entry_point in metadata.entry_points(group=ENTRY_POINTS):
        package = entry_point.dist.name if entry_point.dist else entry_point.value
        module = entry_point.value.partition(":")[0]
        with _left_out_if_broken(f"the experiment {entry_point.name!r} of the package {package}", module):
            found[entry_point.name] = _load(entry_point)
    return list(found.values())


@contextmanager
def _left_out_if_broken(what: str, module: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # someone's code may fail in any way
        problem = f"{type(error).__name__}: {first_line(error)}"
        print(f"runner: {what} is left out ({problem}); see python -c 'import {module}'", file=sys.stderr)


def _load(entry_point: metadata.EntryPoint) -> type[Experiment]:
    experiment = entry_point.load()
    if not (isinstance(experiment, type) and issubclass(experiment, Experiment)):
        raise TypeError(f"{entry_point.value} is not a subclass of experiments.experiment.Experiment")
    return experiment


def all_keys(owner: type | None = None) -> list[str]:
    """Return every key that a config may have, with its full path.

    ``owner``, an experiment or one of its choices, restricts the keys to the experiments that have it.
    """
    found = experiments()
    having = [experiment for experiment in found if owner is experiment or owner in _choices(experiment)]
    of_experiments = (key for experiment in having or found for key, _ in _keys_of(experiment))
    return sorted({*(key for key, _ in _keys(Config, "")), *of_experiments})


def types_of(key: str) -> set[Any]:
    """Return the types of value that a key may have, whatever is chosen: ``str``, ``list[int]``, ... but not None.

    It is empty for a key that does not exist, that takes anything, or that holds further keys of its own.
    """
    declared = [*_keys(Config, ""), *(found for experiment in experiments() for found in _keys_of(experiment))]
    kinds = {kind for name, one in declared if name == key for kind in (get_args(one) if _is_union(one) else [one])}
    return {kind for kind in kinds if kind not in (Any, NoneType) and not is_dataclass(kind)}


def experiments_with(group: str) -> list[str]:
    """Return the names of the experiments that have the choice ``group``."""
    return [experiment.name for experiment in experiments() if group in experiment.choices]


def experiments_with_key(key: str) -> list[str]:
    """Return the names of the experiments that have ``key``, such as ``experiment.seed``, whatever is chosen."""
    return [experiment.name for experiment in experiments() if key in dict(_keys(experiment, "experiment."))]


def _choices(experiment: type[Experiment]) -> list[type]:
    return [choice for choices in experiment.choices.values() for choice in choices]


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _keys_of(experiment: type[Experiment]) -> Iterator[tuple[str, Any]]:
    yield from _keys(experiment, "experiment.")
    for group, choices in experiment.choices.items():
        for choice in choices:
            yield from _keys(choice, f"experiment.{group}.")


def _keys(schema: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a dataclass and of those within it, each with its declared type."""
    types = _hints(schema)
    for declared in fields(schema):
        kind = types[declared.name]
        yield f"{prefix}{declared.name}", kind
        if is_dataclass(kind):
            yield from _keys(kind, f"{prefix}{declared.name}.")


@cache
def _hints(schema: type) -> dict[str, Any]:
    return get_type_hints(schema)
