"""Looks at a config without resolving it."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf


def child(config: DictConfig, key: str) -> Any:
    """The value of a key; None where it is null, missing (``???``) or an interpolation."""
    if OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key):
        return None
    return config[key]
