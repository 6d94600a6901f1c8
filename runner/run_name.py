"""What a run is called."""

from __future__ import annotations

from collections.abc import Sequence

LENGTH = 60


def run_name(device: str, overrides: Sequence[str]) -> str:
    """What differs between runs comes first, since the UI cuts names after about 12 characters.

    >>> run_name("CPU:0", ["experiment=matmul", "experiment.shape=square", "device.onednn=false"])
    'square onednn=false CPU:0'
    """
    words = [word for override in overrides if (word := _word(override))]
    return " ".join([*words, device])[:LENGTH]


def _word(override: str) -> str | None:
    key, _, value = override.lstrip("+~").partition("=")
    _, _, name = key.rpartition(".")
    if key in ("experiment", "device") or key.startswith(("tracking", "hydra")) or not value:
        return None
    speaks_for_itself = value[:1].isalpha() and value not in ("true", "false", "null")
    return value if speaks_for_itself else f"{name}={value}"
