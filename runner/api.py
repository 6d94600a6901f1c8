"""``from runner import run``: the command line as a function, for Python and notebooks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runner.cli.command_line import carry_out
from runner.config.plugins import LOADED
from runner.errors import ExitStatus, UserError
from runner.tracking.result import Result
from runner.tracking.run import store_errors


def run_words(words: Sequence[str]) -> Result:
    """Do what ``python -m runner WORDS`` does, and return the run; see :func:`runner.run`.

    A plug-in that an earlier call has loaded stays, and is not loaded again.
    """
    for word in words:
        if not isinstance(word, str):
            raise UserError(f'run: {word!r} is no text; write run("experiment=matmul", "device=cpu")')
    if threading.current_thread() is not threading.main_thread():
        raise UserError("run: call it from the main thread, the only one that hears Ctrl-C")
    with _logging_as_it_was():
        done = carry_out([word for word in words if word not in LOADED])
    if done.run_id is None or done.store is None:
        if done.status not in (ExitStatus.OK, ExitStatus.FAILED, ExitStatus.WRONG_INPUT):
            raise KeyboardInterrupt(*done.problems)
        error = UserError("; ".join(done.problems) or f"run: {' '.join(words)} leaves no run behind")
        if done.traceback:
            error.add_note(done.traceback)
        raise error
    client = done.store.open()
    with store_errors():
        return Result(client, client.get_run(done.run_id))


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Restore the root's handlers, which Hydra replaces when it begins a sweep."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
