"""What the programs beside ``python -m runner`` share: their errors in a line, and their exit status."""

from __future__ import annotations

import argparse
import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from runner.cli.complaint import complain
from runner.cli.standard_streams import take_over
from runner.config.error_messages import CONFIG_ERRORS, sentence
from runner.errors import ExitStatus, UserError


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, which names the help."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


SELDOM = 5_000_000
"""The number of new objects after which Python looks for unreachable cycles among them."""


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for unreachable cycles seldom: each look goes through MLflow's modules and the rows read, which all stay."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run_program(name: str, work: Callable[[], int]) -> int:
    """Do the work of the program ``name`` and return the exit status. What the user can correct becomes one line."""
    output = take_over()
    try:
        with _seldom_collecting():
            status = work()
    except UserError as error:
        complain(name, str(error))
        return ExitStatus.WRONG_INPUT
    except CONFIG_ERRORS as error:
        complain(name, sentence(error))
        return ExitStatus.WRONG_INPUT
    except KeyboardInterrupt:
        complain(name, "interrupted")
        return ExitStatus.of_signal(signal.SIGINT)
    output.flush()
    return status if output.is_complete else ExitStatus.FAILED
