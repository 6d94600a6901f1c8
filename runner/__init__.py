"""Runs experiments: Hydra, processes, MLflow.

Composes the config, starts each job in a process of its own, and writes what comes back to the tracking store and the
terminal. Never imports TensorFlow; import-linter checks that.
"""

import os
import sys
from contextlib import suppress

__version__ = "0.1.0"


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
