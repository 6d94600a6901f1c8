"""The settings of ``hydra.launcher`` as a checked object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.reporting.text import first_line
from experiments.validators import InvalidField, suggestion
from runner.config.error_messages import NEEDS_A_LIST, list_of, wrong_type
from runner.errors import UserError

T = TypeVar("T")


def checked(kind: type[T], settings: Mapping[str, Any]) -> T:
    """Return an instance of the dataclass ``kind`` with ``settings``. Raises UserError for the first wrong one."""
    try:
        typed = OmegaConf.merge(OmegaConf.structured(kind), dict(settings))
        made = OmegaConf.to_object(typed)
    except InvalidField as error:
        raise UserError(f"hydra.launcher.{error.field}: {error}") from None
    except OmegaConfBaseException as error:
        key = str(error.full_key)
        known = [field.name for field in fields(cast(Any, kind))]
        hint = "" if key.partition("[")[0] in known else suggestion(key, known)
        if (problem := wrong_type(first_line(error))) == NEEDS_A_LIST:
            problem = list_of(f"hydra.launcher.{key}", str(settings.get(key, "")))
        raise UserError(f"hydra.launcher.{key}: {problem}{hint}") from None
    assert isinstance(made, kind)
    return made
