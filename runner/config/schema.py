"""The config's types, and the discovery of experiments.

Every part of the config has a dataclass behind it, registered in Hydra's ConfigStore under
``schema/``. A YAML file of the group ``experiment`` names its own in its defaults list.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from experiments.experiment import Choice, Experiment, defined_in, modules
from experiments.reporting.text import first_line
from experiments.runtime.device import Device
from runner.config.nodes import child
from runner.config.sweep_settings import SweepSettings
from runner.config.tracking_settings import Tracking
from runner.errors import UserError

ENTRY_POINTS = "tensorflow_lab_bench.experiments"
"""The entry point group by which another package adds its experiments."""

CHOICES_ENTRY_POINTS = "tensorflow_lab_bench.{plural}"
"""The entry point groups by which another package adds choices: ``tensorflow_lab_bench.models``, ``.losses``, ..."""

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
    store.store(group=SCHEMA, name="tracking", node=_with_open_maps(Tracking))
    for experiment in experiments():
        _join_installed(experiment)
        store.store(group=f"{SCHEMA}/experiment", name=experiment.name, node=_without_choices(experiment))
        for group, choices in experiment.choices.items():
            for choice in choices:
                store.store(group=f"{SCHEMA}/{group}", name=choice.name, node=choice)


def join(choice: type[Choice], origin: str) -> None:
    """Let ``choice`` be chosen in each group that has its like. Raises UserError if that cannot be.

    Its fields' defaults are what a YAML file of this name would say, where there is none. ``origin`` says where it is
    from.
    """
    _require_complete(choice, origin)
    groups = [(experiment, group) for experiment in experiments() for group in _groups_of(experiment, choice)]
    if not groups:
        raise UserError(f"{origin}: {choice.__name__} is no model, dataset or other choice of any experiment")
    for experiment, group in groups:
        if choice.name in (known.name for known in experiment.choices[group]):
            raise UserError(f"{origin}: there is a {group}={choice.name} already; give {choice.__name__} another name")
        experiment.choices = {**experiment.choices, group: (*experiment.choices[group], choice)}
        store = ConfigStore.instance()
        store.store(group=f"{SCHEMA}/{group}", name=choice.name, node=choice)
        store.store(group=group, name=choice.name, node=choice, package=f"experiment.{group}")
        JOINED.append((group, choice))


JOINED: list[tuple[str, type[Choice]]] = []
"""The choices that have joined, each with its group."""


def code_of_joined(experiment: Experiment) -> dict[str, str]:
    """Return the SHA-256 of the files of those choices of an experiment that have joined, by their groups."""
    chosen = {group: type(getattr(experiment, group)) for group in experiment.choices}
    joined = {group: kind for group, kind in chosen.items() if (group, kind) in JOINED}
    return {
        group: hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest() for group, kind in joined.items()
    }


def _require_complete(choice: type[Choice], origin: str) -> None:
    if "__dataclass_fields__" not in vars(choice):
        raise UserError(f"{origin}: {choice.__name__} is no dataclass; write @dataclass above it")
    if not isinstance(getattr(choice, "name", None), str):
        raise UserError(f'{origin}: {choice.__name__} has no name; write name: ClassVar[str] = "..." in it')
    if inspect.isabstract(choice):
        missing = ", ".join(sorted(getattr(choice, "__abstractmethods__", ())))
        raise UserError(f"{origin}: {choice.__name__} lacks the method {missing}")


def _groups_of(experiment: type[Experiment], choice: type[Choice]) -> Iterator[str]:
    """Yield the groups of an experiment whose field takes such a choice."""
    for group in experiment.choices:
        if issubclass(choice, _hints(experiment)[group]):
            yield group


def _join_installed(experiment: type[Experiment]) -> None:
    """Join the choices that installed packages name for the groups of an experiment."""
    for group in experiment.choices:
        plural = group + ("es" if group.endswith("s") else "s")
        for entry_point in metadata.entry_points(group=CHOICES_ENTRY_POINTS.format(plural=plural)):
            with _left_out_if_broken(f"{group}={entry_point.name}", entry_point.value.partition(":")[0]):
                choice = entry_point.load()
                if (group, choice) not in JOINED:
                    join(choice, entry_point.value)


def _without_choices(experiment: type[Experiment]) -> DictConfig:
    """Return the schema of an experiment in which nothing is chosen yet, whatever its fields' defaults are."""
    schema = _with_open_maps(experiment)
    for group in experiment.choices:
        schema[group] = MISSING
    return schema


def _with_open_maps(part: type[Any]) -> DictConfig:
    """Return the schema of a part of the config whose maps accept undeclared keys, such as the names of variables."""
    schema: DictConfig = OmegaConf.structured(part)
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


def experiment_called(name: str | None) -> type[Experiment] | None:
    """Return the experiment of this name; None if it is not installed here."""
    return next((kind for kind in experiments() if kind.name == name), None)


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
    return sorted({*(key for key, _ in keys_below(Config, "")), *of_experiments})


def types_of(key: str) -> set[Any]:
    """Return the types of value that a key may have, whatever is chosen: ``str``, ``list[int]``, ... but not None.

    It is empty for a key that does not exist, that takes anything, or that holds further keys of its own.
    """
    declared = [*keys_below(Config, ""), *(found for experiment in experiments() for found in _keys_of(experiment))]
    kinds = {kind for name, one in declared if name == key for kind in (get_args(one) if _is_union(one) else [one])}
    return {kind for kind in kinds if kind not in (Any, NoneType) and not is_dataclass(kind)}


def experiments_with(group: str) -> list[str]:
    """Return the names of the experiments that have the choice ``group``."""
    return [experiment.name for experiment in experiments() if group in experiment.choices]


def experiments_with_key(key: str) -> list[str]:
    """Return the names of the experiments that have ``key``, such as ``experiment.seed``, whatever is chosen."""
    return [experiment.name for experiment in experiments() if key in dict(keys_below(experiment, "experiment."))]


def _choices(experiment: type[Experiment]) -> list[type]:
    return [choice for choices in experiment.choices.values() for choice in choices]


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _keys_of(experiment: type[Experiment]) -> Iterator[tuple[str, Any]]:
    yield from keys_below(experiment, "experiment.")
    for group, choices in experiment.choices.items():
        for choice in choices:
            yield from keys_below(choice, f"experiment.{group}.")


def keys_below(schema: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a dataclass and of those within it, each with its declared type."""
    types = _hints(schema)
    for declared in fields(schema):
        kind = types[declared.name]
        yield f"{prefix}{declared.name}", kind
        if is_dataclass(kind):
            yield from keys_below(kind, f"{prefix}{declared.name}.")


@cache
def _hints(schema: type) -> dict[str, Any]:
    return get_type_hints(schema)
