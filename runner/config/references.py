"""Values that refer to elsewhere: what they may refer to, and whether what they find has the type that is wanted."""

from __future__ import annotations

import copy
import re
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.error_messages import IS_A_GROUP, sentence, why_unresolved
from runner.errors import UserError

LARGEST = 2**63 - 1

OUTSIDE = re.compile(r"\$\{\s*(oc\.env\s*:|hydra\s*:(?!\s*runtime\.))")
"""A value that reads an environment variable, or Hydra's own settings, which may read one."""

NOT_FOLLOWED = (
    "a value that reads the environment or Hydra's settings would be shown and stored with the run; write the value "
    "itself, or have the shell write it, if it is no secret"
)


def require_inside(key: str, value: object) -> None:
    """Raise UserError if a value, as it is written, reads the environment."""
    if OUTSIDE.search(str(value)):
        raise UserError(f"{key}: {NOT_FOLLOWED}")


def require_all_inside(config: DictConfig) -> None:
    """Raise UserError if any value reads the environment; before one is looked up, since others may refer to it."""
    pending: list[tuple[str, Any]] = [("", OmegaConf.to_container(config, resolve=False))]
    for name, value in pending:
        if isinstance(value, dict):
            pending += [(f"{name}.{key}".lstrip("."), one) for key, one in value.items()]
        else:
            require_inside(name, value)


def own_value(config: DictConfig, key: str, declared: Any, name: str) -> Any:
    """Return the value of a key; None where it is null, missing or refers to elsewhere.

    Raises UserError for a value that has another type than ``declared``, which OmegaConf lets pass, or none at all.
    ``name`` is the full key.
    """
    if OmegaConf.is_interpolation(config, key):
        _require_followed(config, key, declared, name)
        return None
    value = None if OmegaConf.is_missing(config, key) else config[key]
    if isinstance(value, int) and abs(value) > LARGEST:
        raise UserError(f"{name}: {value} is beyond the whole numbers of 64 bits")
    return value


def _require_followed(config: DictConfig, key: str, declared: Any, name: str) -> None:
    """Raise UserError unless a reference finds something, and that of the declared type.

    OmegaConf checks the types of single values, but not of lists, maps and groups of keys.
    """
    try:
        found = config[key]
    except OmegaConfBaseException as error:
        raise UserError(f"{name}: {why_unresolved(error)}") from None
    kinds = [declared, *get_args(declared)]
    if any(map(is_dataclass, kinds)):
        raise UserError(f"{name}: {IS_A_GROUP}")
    if any(get_origin(kind) in (list, dict) for kind in kinds):
        plain = OmegaConf.to_container(found, resolve=True) if isinstance(found, DictConfig | ListConfig) else found
        trial = copy.deepcopy(config)
        try:
            trial[key] = plain
        except OmegaConfBaseException as error:
            raise UserError(sentence(error)) from None
