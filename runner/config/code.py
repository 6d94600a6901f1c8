"""The code that makes an experiment's numbers, as a hash: only runs of the same code can stand for each other."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from experiments.experiment import Experiment, modules
from runner.config.schema import experiment_called, experiments

ROOT = Path(__file__).parents[2]

WITHOUT_NUMBERS = ("experiments.reporting", "experiments.testing")
"""Shared parts that only say or draw what others have found."""

OF_THE_WORKER = ("worker.py", "fork_server.py", "recording.py")
"""The part of runner/execution that runs in the process that measures."""


def code_of(name: str) -> str | None:
    """Return the :func:`code_hash` of the experiment of this name; None if it is not installed here."""
    kind = experiment_called(name)
    return code_hash(kind) if kind else None


@cache
def code_hash(kind: type[Experiment]) -> str:
    """Return a short hash of the contents of the Python files that an experiment's numbers may depend on.

    These are its own package, those of its base classes, what all experiments share, and the worker. Not the other
    experiments, not the rest of the runner, not choices from elsewhere, which are part of the question, and no version
    of TensorFlow, which environment.json has. It takes a few milliseconds, once a process.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_files(kind)):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _files(kind: type[Experiment]) -> Iterator[tuple[str, Path]]:
    """Yield the files with the names that they have on every machine."""
    for part in _own(kind) | _shared():
        yield from _files_of(part)
    for name in OF_THE_WORKER:
        yield f"runner/{name}", ROOT / "runner" / "execution" / name


def _own(kind: type[Experiment]) -> set[str]:
    return {_part(base.__module__) for base in kind.__mro__ if issubclass(base, Experiment)}


def _shared() -> set[str]:
    return set(modules()) - {_part(kind.__module__) for kind in experiments()} - set(WITHOUT_NUMBERS)


def _part(module: str) -> str:
    """Return the package that a module belongs to as a whole: of ours the one below ``experiments``."""
    return ".".join(module.split(".")[: 2 if module.startswith("experiments.") else 1])


def _files_of(part: str) -> Iterator[tuple[str, Path]]:
    if part.startswith("experiments."):
        place = ROOT.joinpath(*part.split("."))
        folders, file = ([place], None) if place.is_dir() else ([], place.with_suffix(".py"))
    else:
        module = sys.modules[part]
        folders = [Path(folder) for folder in getattr(module, "__path__", ())]
        file = Path(module.__file__) if module.__file__ and not folders else None
    if file:
        yield part, file
    for folder in folders:
        yield from ((f"{part}/{path.relative_to(folder).as_posix()}", path) for path in folder.rglob("*.py"))
