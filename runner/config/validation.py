"""Turns a composed config into checked objects, or says in one sentence what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.experiment import Choice, Experiment
from experiments.reporting.text import first_line
from experiments.runtime.device import Device
from experiments.validators import InvalidField, suggestion
from runner.config.nodes import child
from runner.config.references import own_value, require_all_inside
from runner.config.schema import Config
from runner.config.sweep_settings import SweepSettings
from runner.config.tracking_settings import Tracking
from runner.errors import UserError


@dataclass(frozen=True)
class Parts:
    """The parts of a config as checked objects."""

    experiment: Experiment
    device: Device
    tracking: Tracking
    sweep: SweepSettings

    @property
    def mlflow_experiment(self) -> str:
        """The name of the MLflow experiment that keeps the run."""
        return self.tracking.experiment or self.experiment.name


def parts(config: DictConfig) -> Parts:
    """Return the config as objects. Raises UserError for the first thing that is wrong."""
    require_all_inside(config)
    _require_declared_keys(config, Config, "")
    if not issubclass(_type(config.experiment), Experiment):
        raise UserError(
            "experiment: this config has no type; its YAML file needs a defaults list with "
            "'- /schema/experiment/NAME@_here_', NAME being an experiment's"
        )
    _require_typed_choices(config.experiment)
    try:
        experiment, device, tracking, sweep = (
            OmegaConf.to_object(config[part]) for part in ("experiment", "device", "tracking", "sweep")
        )
    except InvalidField as error:
        raise UserError(f"{_key_of(config, error)}: {error}") from None
    except OmegaConfBaseException as error:
        raise UserError(f"{getattr(error, 'full_key', None) or 'config'}: {first_line(error)}") from None
    assert isinstance(experiment, Experiment)
    assert isinstance(device, Device)
    assert isinstance(tracking, Tracking)
    assert isinstance(sweep, SweepSettings)
    return Parts(experiment, device, tracking, sweep)


def flat(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a config with their full keys. A list is one value; so is the name of a choice."""
    for key in map(str, config):
        name = f"{prefix}{key}"
        value = config[key]
        if isinstance(value, DictConfig):
            if issubclass(kind := _type(value), Choice):
                yield name, kind.name  # two choices may have the same keys, and are not the same question
            yield from flat(value, f"{name}.")
        else:
            yield name, OmegaConf.to_container(value, resolve=True) if isinstance(value, ListConfig) else value


def _require_declared_keys(config: DictConfig, schema: Any, prefix: str) -> None:
    """Raise UserError for a key without a field or a field without a key: ``+typo=1`` and ``~seed`` get past Hydra."""
    types = _types_of(schema)
    declared = {field.name: types[field.name] for field in fields(schema)}
    for missing in sorted(declared.keys() - {str(key) for key in config}):
        raise UserError(f"{prefix}{missing}: this key is taken out of the config, but it is needed")
    for key in map(str, config):
        if key not in declared:
            known = sorted(declared)
            raise UserError(f"{prefix}{key}: no such key{suggestion(key, known)}; there are {', '.join(known)}")
        node = own_value(config, key, declared[key], f"{prefix}{key}")
        if isinstance(node, DictConfig) and _is_structured(node):
            _require_declared_keys(node, OmegaConf.get_type(node), f"{prefix}{key}.")
        if isinstance(node, ListConfig) and _has_single_values(declared[key]):
            _require_single_values(node, f"{prefix}{key}")


@cache
def _types_of(schema: type) -> dict[str, Any]:
    """The types of a dataclass's fields: a sweep asks for each job."""
    return get_type_hints(schema)


def _has_single_values(declared: Any) -> bool:
    """Return whether a field is declared as a list of numbers or of text; such a list or None counts, too."""
    lists = [declared, *get_args(declared)]
    return any(get_origin(kind) is list and get_args(kind)[0] in (int, float, str) for kind in lists)


def _require_single_values(values: ListConfig, key: str) -> None:
    """Raise UserError for a list within a list of numbers, which OmegaConf lets pass."""
    for number, element in enumerate(values):
        if OmegaConf.is_config(element):
            raise UserError(f"{key}[{number}]: {element} is not a single value")


def _require_typed_choices(experiment: DictConfig) -> None:
    """Raise UserError for a choice of the experiment that is not one of its dataclasses."""
    for group, choices in _type(experiment).choices.items():
        node = child(experiment, group)
        if node is None and not OmegaConf.is_interpolation(experiment, group):
            raise UserError(f"{group}: nothing is chosen; there are {', '.join(choice.name for choice in choices)}")
        if _type(node) not in choices:
            raise UserError(
                f"experiment.{group}: this config has no type; its YAML file needs a defaults list with "
                f"'- /schema/{group}/NAME@_here_', NAME being one of {', '.join(choice.name for choice in choices)}"
            )


def _is_structured(node: DictConfig) -> bool:
    return OmegaConf.get_type(node) not in (None, dict)


def _type(node: DictConfig) -> Any:
    return OmegaConf.get_type(node) or object


def _key_of(config: DictConfig, error: InvalidField) -> str:
    """Return the full key of the field, whose owner is found by its type."""
    return next(_keys_of_type(config, error.owner), "") + error.field


def _keys_of_type(config: DictConfig, wanted: type, prefix: str = "") -> Iterator[str]:
    for key in map(str, config):
        node = child(config, key)
        if isinstance(node, DictConfig) and _is_structured(node):
            if OmegaConf.get_type(node) is wanted:
                yield f"{prefix}{key}."
            yield from _keys_of_type(node, wanted, f"{prefix}{key}.")
