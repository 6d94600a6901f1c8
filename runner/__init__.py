"""Runs experiments: Hydra, processes, MLflow.

Composes the config, starts each job in a process of its own, and writes what comes back to the tracking store and the
terminal. Never imports TensorFlow; import-linter checks that.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.tracking.result import Result

__version__ = "0.1.0"


def run(*words: str) -> Result:
    """Run the words of a command line, such as ``run("experiment=matmul", "device=cpu")``, and return the run.

    ``run("-m", "device=cpu,gpu")`` is a sweep, whose :attr:`Result.jobs` are its runs. A run that has FAILED or was
    KILLED is returned, too: look at its status. It may be called as often as wanted, from the main thread; ``sys.argv``
    is neither read nor set.

    Raises ``runner.errors.UserError`` with one sentence for what the command line would answer with status 2, and
    KeyboardInterrupt for an interruption before there is a run.
    """
    # Late, since worker processes import this package, too; by its name, since all that is below it has its version.
    found: Result = import_module("runner.api").run_words(words)
    return found


def _look_here_first() -> None:
    """Let modules be looked for beside this package before the working folder, which ``python -m`` puts first.

    A package of the user's that is called ``experiments`` would hide ours; whatever has another name is still found.
    """
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with suppress(OSError):  # the working folder is gone
        working = sys.path[0]
        if working not in ("", os.getcwd()) or os.path.samefile(working or ".", here):
            return
        if here not in sys.path:
            sys.path.insert(0, here)
        sys.path.remove(working)
        sys.path.insert(sys.path.index(here) + 1, working)


_look_here_first()
