"""What belongs to the question, and what only says where its answer is kept or how its jobs run.

The one definition behind fingerprints, run names, resumed sweeps and resumed searches.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from runner.config.sweep_settings import SweepSettings

NOT_ASKED = ("tracking", "sweep", "hydra")
"""The parts of a config that do not belong to the question: all keys below them, and groups of their names."""

SWEEPER = "hydra/sweeper"
"""The group that chooses between a grid and a search. It tells two sweeps apart, though not two jobs."""

OBJECTIVE = ("sweep.metric", "sweep.direction")
"""What a search improves."""

RESUMING = ("sweep", *(key for field in fields(SweepSettings) if (key := f"sweep.{field.name}") not in OBJECTIVE))
"""What says how a sweep goes on, and no more."""

KIND = ("cpu", "cores", "usable_cores", "memory_bytes")
"""What makes a machine's kind, beside its GPUs."""


def is_asked(key: str) -> bool:
    """Whether a key of the config, or a config group, belongs to the question of a job."""
    return re.split(r"[./]", key, maxsplit=1)[0] not in NOT_ASKED


def key_of(override: str) -> str:
    """The key or group that an override sets, adds or deletes, without the signs of Hydra's grammar.

    >>> key_of("++tracking.dir=runs"), key_of("~seed"), key_of("hydra/launcher@hydra.launcher=slurm")
    ('tracking.dir', 'seed', 'hydra/launcher')
    """
    key, _, _ = override.lstrip("+~").partition("=")
    return key.partition("@")[0]


def asked(overrides: Iterable[str]) -> list[str]:
    """The overrides that belong to the question of a sweep; those of a job, which chooses no sweeper, likewise."""
    return [override for override in overrides if is_asked(key := key_of(override)) or key == SWEEPER]


def question(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The keys and values of a flattened config that belong to the question: they make two jobs the same."""
    return {key: value for key, value in values if is_asked(key)}


def question_hash(question: Mapping[str, Any], version: int) -> str:
    """A short hash of a :func:`question` and the experiment's version."""
    return _hash([question, version])


def fingerprint(question: str, surroundings: Mapping[str, Any]) -> str:
    """The question's hash and, after a dash, one of the machine's kind as ``environment.describe`` reports it."""
    machine = surroundings["machine"]
    gpus = [gpu["name"] for gpu in surroundings["gpus"]]
    return f"{question}-{_hash([{name: machine[name] for name in KIND}, gpus])[:8]}"


def sweep_key(command: Sequence[str]) -> str:
    """The hash that two command lines share where they are the same sweep: the same overrides asked, in any order."""
    return hashlib.sha256(json.dumps(sorted(asked(command))).encode()).hexdigest()[:16]


def study_name(command: Sequence[str], metric: str) -> str:
    """The name that two command lines share where they are the same search, without the time of its study.

    ``command`` is what Hydra hands a sweeper: no ``hydra.*``, so that a study goes on with more trials or another
    sampler. Where the runs are kept and what is improved count: both belong to a study.
    """
    words = sorted(word for word in command if key_of(word) not in RESUMING)
    return f"{metric} {hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:10]}"


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
