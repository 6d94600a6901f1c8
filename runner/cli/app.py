"""``python -m runner``: the command line as a program, with its errors in a line and its exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from runner.cli.command_line import carry_out
from runner.cli.complaint import complain
from runner.cli.standard_streams import take_over
from runner.errors import ExitStatus, UserError


def main() -> int:
    """``python -m runner``: returns the exit status."""
    os.environ["MPLBACKEND"] = "agg"  # draws files; a name that it does not know ends its import
    output = take_over()
    status = _run(sys.argv[1:])
    output.flush()
    return status if output.is_complete else status or ExitStatus.FAILED


def _run(given: Sequence[str]) -> int:
    try:
        done = carry_out(given)
    except UserError as error:
        complain("runner", str(error))
        return error.exit_status
    except KeyboardInterrupt:
        complain("runner", "interrupted before anything was started")
        return ExitStatus.of_signal(signal.SIGINT)
    if done.traceback:
        print(done.traceback, file=sys.stderr)
    for problem in done.problems:
        complain("runner", problem)
    return done.status
