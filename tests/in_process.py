"""Calling ``python -m runner`` as a function, for command lines that end before anything is started."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from unittest import mock
from weakref import WeakValueDictionary

import psutil
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton

from runner.cli.app import main
from tests.conftest import Finished

HIDDEN_BY_PYTHON = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def call_main(*arguments: str, cwd: Path, program: Callable[[], int] = main) -> Finished:
    """Do what ``python -m runner ARGUMENTS`` does in the folder ``cwd``; return status, output and error.

    ``program`` is another program's function.
    Fail if the call leaves behind what would end with a process: a child, another working folder, a signal handler.
    """
    out, err = io.StringIO(), io.StringIO()
    resource_tracker.ensure_running()  # multiprocessing's own child, which ends with this process
    children = psutil.Process().children()
    handlers = _signal_handlers()
    with (
        _hydra_as_in_a_new_process(),
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "argv", ["runner", *arguments]),
        mock.patch.object(sys, "path", list(sys.path)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _warnings_as_in_a_new_process(),
        _logging_as_in_a_new_process(),
    ):
        status = program()
        assert Path.cwd() == cwd.resolve()
    assert psutil.Process().children() == children
    assert _signal_handlers() == handlers
    return Finished(int(status), out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _hydra_as_in_a_new_process() -> Iterator[None]:
    """Restore the singletons in which Hydra keeps its config, its schemas and its plugins."""
    before = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        Singleton.set_state(before)


@contextlib.contextmanager
def _logging_as_in_a_new_process() -> Iterator[None]:
    """Hide the handlers of this process: Hydra configures logging, which closes them all.

    That of absl, which TensorFlow brings, then closes its stream, too: the file to which pytest redirects output.
    """
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    disabled = [logger.disabled for logger in loggers]
    with (
        mock.patch.object(logging, "_handlers", WeakValueDictionary()),
        mock.patch.object(logging, "_handlerList", []),
        mock.patch.object(logging.root, "handlers", []),
        mock.patch.object(logging.root, "level", logging.WARNING),
    ):
        yield
    for logger, was_disabled in zip(loggers, disabled, strict=True):
        logger.disabled = was_disabled


@contextlib.contextmanager
def _warnings_as_in_a_new_process() -> Iterator[None]:
    """Write to standard error the warnings that Python would; pytest would keep them for its summary."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        for category in HIDDEN_BY_PYTHON:
            warnings.simplefilter("ignore", category)
        yield
    for warning in raised:
        sys.stderr.write(warnings.formatwarning(warning.message, warning.category, warning.filename, warning.lineno))


def _signal_handlers() -> dict[int, object]:
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
