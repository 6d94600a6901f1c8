"""Whether two runs asked the same question of the same kind of machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(question: Mapping[str, Any], version: int, machine: Mapping[str, Any], hardware: str) -> str:
    """A short hash of the resolved config, the experiment's version and the machine's kind.

    ``question`` is the config without the part that says where the answer is kept.
    """
    kind = {name: machine[name] for name in ("cpu", "cores", "usable_cores", "memory_bytes")}
    text = json.dumps([question, version, kind, hardware], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
