"""Separates the question from the settings that only say where its answer is kept and how its jobs run.

Fingerprints, run names, resumed sweeps and resumed searches all use this definition.
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
"""The group that chooses between a grid and a search. It distinguishes sweeps, but not jobs."""

GRID = "grid"
"""The sweeper that runs all combinations, which is the default; any other one searches."""

ZIP = "sweep.zip"
"""The key that says which values go together: it distinguishes sweeps, but not jobs."""

OBJECTIVE = ("sweep.metric", "sweep.direction")
"""The keys that say what a search improves."""

RESUMING = ("sweep", *(key for field in fields(SweepSettings) if (key := f"sweep.{field.name}") not in OBJECTIVE))
"""The keys that only say how a sweep is resumed, and the group of them."""

CAME_LATER = {
    "device.deterministic": False,
    "experiment.transfer": "none",
    "experiment.promote": None,
    "experiment.loss": "standard",
    "experiment.callback": "none",
    "experiment.dataset.stream": None,
    "experiment.metrics": [],
    "experiment.augmentation.flip": "none",
    "experiment.augmentation.shift": 0.0,
    "experiment.augmentation.rotation": 0.0,
    "experiment.augmentation.zoom": 0.0,
    "experiment.label_smoothing": 0.0,
    "experiment.class_weights": "none",
    "experiment.optimizer.warmup": 0.0,
    "experiment.optimizer.factor": 0.1,
    "experiment.optimizer.milestones": [0.5, 0.75],
    "experiment.optimizer.plateau_patience": 5,
}
"""Keys that older runs do not have, with the value for what these did: it leaves the hash of a question as it was."""

KIND = ("cpu", "cores", "usable_cores", "memory_bytes")
"""The facts that make a machine's kind, beside its GPUs."""


def is_asked(key: str) -> bool:
    """Return whether a key of the config, or a config group, belongs to the question of a job."""
    return re.split(r"[./]", key, maxsplit=1)[0] not in NOT_ASKED


def key_of(override: str) -> str:
    """Return the key or group that an override sets, adds or deletes, without the signs of Hydra's grammar.

    >>> key_of("++tracking.dir=runs"), key_of("~seed"), key_of("hydra/launcher@hydra.launcher=slurm")
    ('tracking.dir', 'seed', 'hydra/launcher')
    """
    key, _, _ = override.lstrip("+~").partition("=")
    return key.partition("@")[0]


def asked(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that belong to the question of a sweep or, as a job has no sweeper, of a job."""
    return [override for override in overrides if is_asked(key := key_of(override)) or key in (SWEEPER, ZIP)]


def question(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the keys and values of a flattened config that belong to the question: equal ones make equal jobs."""
    return {key: value for key, value in values if is_asked(key)}


def question_hash(question: Mapping[str, Any], version: int) -> str:
    """Return a short hash of a :func:`question` and the experiment's version."""
    return _hash([{key: value for key, value in question.items() if CAME_LATER.get(key, ...) != value}, version])


def fingerprint(question: str, surroundings: Mapping[str, Any]) -> str:
    """Return the question's hash and, after a dash, a hash of the machine's kind (see ``environment.describe``)."""
    machine = surroundings["machine"]
    gpus = [gpu["name"] for gpu in surroundings["gpus"]]
    return f"{question}-{_hash([{name: machine[name] for name in KIND}, gpus])[:8]}"


def question_in(fingerprint: str) -> str:
    """Return the question's hash, which a fingerprint begins with, whatever machine has answered it."""
    return fingerprint.partition("-")[0]


def sweep_key(command: Sequence[str]) -> str:
    """Return the hash that identifies a sweep: that of the overrides asked, in any order.

    A search must have the same :func:`objective`, too.
    """
    return _hash(sorted(asked(command)))


def objective(command: Iterable[str]) -> list[str]:
    """Return the words that say what a search improves; none for a grid, of which they only rank the jobs."""
    words = list(command)
    return sorted(word for word in words if key_of(word) in OBJECTIVE) if sweeper_of(words) != GRID else []


def sweeper_of(words: Iterable[str]) -> str:
    """Return the sweeper that a command chooses."""
    return next((word.partition("=")[2] for word in words if key_of(word) == SWEEPER), GRID)


def study_name(command: Sequence[str], metric: str) -> str:
    """Return the name that identifies a search; the name of its study adds the time.

    ``command`` holds the overrides that Hydra hands to a sweeper. There is no ``hydra.*`` among them, so that a study
    can be resumed with more trials or another sampler. The store and the objective are part of the name.
    """
    words = sorted(word for word in command if key_of(word) not in RESUMING)
    return f"{metric} {hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:10]}"


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
