"""Whether two runs asked the same question of the same kind of machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

KIND = ("cpu", "cores", "usable_cores", "memory_bytes")
"""What of a machine makes its kind, beside its GPUs."""

NOT_ASKED = ("tracking", "sweep.", "hydra.", "hydra/launcher", "-")
"""What an override begins with that says where the answer is kept, or how jobs run."""


def asked(overrides: Sequence[str]) -> list[str]:
    """The overrides that belong to the question."""
    return [override for override in overrides if not override.lstrip("+~").startswith(NOT_ASKED)]


def question_hash(question: Mapping[str, Any], version: int) -> str:
    """A short hash of the resolved config and the experiment's version.

    ``question`` is the config without the parts that say where the answer is kept and which jobs of a sweep run.
    """
    return _hash([question, version])


def fingerprint(question: str, surroundings: Mapping[str, Any]) -> str:
    """The question's hash and, after a dash, one of the machine's kind as ``environment.describe`` tells it."""
    machine = surroundings["machine"]
    gpus = [gpu["name"] for gpu in surroundings["gpus"]]
    return f"{question}-{_hash([{name: machine[name] for name in KIND}, gpus])[:8]}"


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
