"""Plug-ins: models, datasets, losses, serving backends, Keras layers and others from files that the command line names.

``plugins=[./mine.py]`` is a word for this program and no key of the config, so that no stored config can name code.
Installed packages name theirs by entry points instead, see :mod:`runner.config.schema`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from experiments import plugins
from experiments.deployment import backends
from experiments.deployment.backends import ServingBackend
from experiments.experiment import Choice, Experiment
from experiments.reporting.text import first_line
from runner.config.schema import join
from runner.errors import UserError

WORD = "plugins="

LOADED: list[str] = []
"""The words that have named plug-ins: printed commands repeat them."""


def taken_out(words: Sequence[str]) -> list[str]:
    """Load the plug-ins that a command line names; return its other words.

    Raises UserError for a file that is not there, cannot be imported, or has nothing in it that could be chosen.
    """
    for word in words:
        if word.startswith(WORD):
            for name in word.removeprefix(WORD).strip("[]").split(","):
                _load(Path(os.path.expanduser(name.strip(" '\""))))
            LOADED.append(word)  # not before: one that fails is mended and named again
    return [word for word in words if not word.startswith(WORD)]


def _load(path: Path) -> None:
    if path.suffix != ".py" or not os.path.isfile(path):  # False, too, for what no path can be
        raise UserError(f"plugins: {path} is no Python file; write plugins=[./mine.py]")
    module = _imported(path.absolute())
    if plugins.subclasses_in(module, Experiment):
        raise UserError(f"plugins: {path}: an experiment joins by an entry point, see docs/howto/own_experiment.md")
    choices = [one for one in vars(module).values() if _is_own_choice(one, module)]
    of_backends = plugins.subclasses_in(module, ServingBackend)
    if not (choices or of_backends or plugins.registers_with_keras(module)):
        raise UserError(
            f"plugins: {path} has no dataclass in it that derives from a model, a dataset or another choice, no "
            "serving backend, and nothing registered with Keras"
        )
    for choice in choices:
        join(choice, str(path))
    for backend in of_backends:
        _join_backend(backend, path)
    plugins.add(module.__name__)


def _join_backend(backend: type[ServingBackend], path: Path) -> None:
    if not all(isinstance(getattr(backend, name, None), str) for name in ("name", "title", "artifact")):
        raise UserError(f"plugins: {path}: {backend.__name__} needs a name, a title and an artifact, each a text")
    try:
        backends.join(backend)
    except ValueError as error:
        raise UserError(f"plugins: {path}: {error}") from None


def _imported(path: Path) -> ModuleType:
    """Import a file as the module of its name: workers, which get the same search path, find it under that name."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.find_spec(path.stem) if path.stem.isidentifier() else None
    if spec is None or spec.origin is None or Path(spec.origin).absolute() != path:
        raise UserError(
            f"plugins: {path.name} has the name of another module, or one that Python cannot import: rename it"
        )
    try:
        return importlib.import_module(path.stem)
    except Exception as error:  # somebody's code may fail in any way
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise UserError(f"plugins: {path}{where}: {type(error).__name__}: {first_line(error)}") from error


def _is_own_choice(one: object, module: ModuleType) -> bool:
    return isinstance(one, type) and issubclass(one, Choice) and one.__module__ == module.__name__
