"""The verdict on a job, from its worker's last message: status, reason, exit status, last files."""

from __future__ import annotations

import signal
from dataclasses import replace

from runner.errors import ExitStatus
from runner.execution.job import JobEnd
from runner.execution.pruner import Pruned
from runner.messages import Ended, File, Outcome, Record

EXIT_STATUS = {Outcome.FINISHED: ExitStatus.OK, Outcome.UNAVAILABLE: ExitStatus.WRONG_INPUT}
"""The exit status of a single run; that of any other outcome is FAILED."""


def job_end(
    ended: Ended, interrupted_by: signal.Signals | None, exceeded: str, pruned: Pruned | None, seconds: float
) -> JobEnd:
    """The end of a job, as far as it follows from what its worker said.

    ``interrupted_by`` is the signal that the command got, if any; ``exceeded`` names the limit for which this job
    was interrupted, in a sentence, or is empty; ``pruned`` says why a search has ended it, if it has.
    """
    given_up = pruned if not exceeded and ended.outcome is not Outcome.FINISHED else None  # it may have been quicker
    status, reason = ("KILLED", given_up.reason) if given_up else _verdict(ended, interrupted_by, exceeded)
    return JobEnd(
        status,
        reason,
        seconds=seconds,
        traceback=ended.message if ended.outcome is Outcome.CRASHED else "",
        exit_status=EXIT_STATUS.get(ended.outcome, ExitStatus.FAILED),
        pruned_at=given_up.step if given_up else None,
    )


def not_started(end: JobEnd, ended: Ended, output: bytes) -> JobEnd:
    """The end of a job whose experiment never began; ``output`` is what its process printed."""
    if ended.outcome in (Outcome.UNAVAILABLE, Outcome.INTERRUPTED):
        return end
    return replace(
        end,
        reason=f"TensorFlow could not be started: {ended.message.strip().splitlines()[-1]}",
        traceback=end.traceback or output.decode(errors="replace"),
    )


def last_files(ended: Ended, output: bytes) -> list[Record]:
    """The artifacts that explain an end: the traceback, and what the process printed."""
    traceback = ended.message.encode() if ended.outcome is Outcome.CRASHED else b""
    files = {"traceback.txt": traceback, "lab.log": output}
    return [File(path, content) for path, content in files.items() if content]


def _verdict(ended: Ended, interrupted_by: signal.Signals | None, exceeded: str) -> tuple[str, str]:
    """MLflow's status, and a sentence that says why the job did not finish."""
    outcome = ended.outcome
    if outcome is Outcome.FINISHED:
        return "FINISHED", ""
    if exceeded:
        return "FAILED", exceeded
    if outcome is Outcome.INTERRUPTED or interrupted_by is not None:  # a signal may also end a worker in other ways
        name = interrupted_by.name if interrupted_by else "a signal"
        return "KILLED", f"interrupted by {name}; what was measured is kept"
    if outcome is Outcome.CRASHED:
        last_line = ended.message.strip().splitlines()[-1]
        return "FAILED", f"the experiment crashed ({last_line}); the run has the traceback"
    return "FAILED", ended.message
