"""Modules of a user's own that every process of a run has to know: serving backends and Keras layers have only names.

The program that reads the command line adds them; the processes that it starts inherit the variable.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

from experiments.reporting.text import first_line

VARIABLE = "TENSORFLOW_LAB_BENCH_PLUGINS"
"""The environment variable with the names of the modules, which are on the search path."""


def add(module: str) -> None:
    """Let this process and all that it starts import a module."""
    os.environ[VARIABLE] = ",".join(dict.fromkeys((*modules(), module)))


def modules() -> list[str]:
    """Return the names of the modules that have been added."""
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def import_all() -> list[ModuleType]:
    """Import the modules that have been added, so that Keras knows the layers that they register."""
    return [importlib.import_module(name) for name in modules()]


def subclasses_in(module: ModuleType, base: type) -> list[Any]:
    """Return the concrete classes of that kind that a module defines."""
    return [one for one in vars(module).values() if _is_own(one, module, base) and not inspect.isabstract(one)]


def joined(base: type, group: str) -> Iterator[Any]:
    """Yield the classes of that kind in added modules, and those that installed packages name by entry points.

    A package that cannot be imported is left out with a line on standard error, so that the others still work.
    """
    for module in import_all():
        yield from subclasses_in(module, base)
    for entry_point in metadata.entry_points(group=group):
        try:
            yield entry_point.load()
        except Exception as error:  # someone's code may fail in any way
            problem = f"{type(error).__name__}: {first_line(error)}"
            print(f"runner: {entry_point.value} is left out ({problem})", file=sys.stderr)


def registers_with_keras(module: ModuleType) -> bool:
    """Tell whether a module has layers or functions that it has registered with Keras."""
    if "keras" not in sys.modules:
        return False
    import keras

    own = (one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__)
    return any(keras.saving.get_registered_object(keras.saving.get_registered_name(one)) is one for one in own)


def _is_own(one: Any, module: ModuleType, base: type) -> bool:
    return isinstance(one, type) and issubclass(one, base) and one.__module__ == module.__name__
