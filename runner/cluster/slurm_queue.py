"""The state of a job array in Slurm, from one call of squeue for all its jobs."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass

FINAL = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
"""The states of a job that has ended; see JOB STATE CODES in squeue(1)."""


@dataclass(frozen=True)
class EndedJob:
    """The end of a job in Slurm's words."""

    state: str
    """Empty if Slurm no longer knows the job, some minutes after its end (MinJobAge)."""

    wait_status: int = 0
    """The status of the batch script, as in wait(2)."""

    def __str__(self) -> str:
        if not self.state:
            return "is no longer known to Slurm"
        status = os.waitstatus_to_exitcode(self.wait_status)
        number = -status if status < 0 else status - 128  # bash and srun report a signal as 128 plus its number
        if number in set(signal.Signals):
            return f"is {self.state}, killed by {signal.Signals(number).name}"
        return f"is {self.state}, exit status {status}"


def ended(array: str, jobs: set[str]) -> dict[str, EndedJob]:
    """Ask which of ``jobs`` have ended; ``array`` is the id of their array. Empty if Slurm does not answer.

    It calls squeue, not sacct, which needs a database that many small clusters do not have.
    """
    fields = "--Format=JobArrayID:|,State:|,exit_code:|"
    command = ["squeue", f"--jobs={array}", "--array", "--states=all", "--noheader", fields]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0 and "Invalid job id" not in answer.stderr:
        return {}  # the controller is busy or restarts; the jobs go on
    states = dict(_parsed(line) for line in answer.stdout.splitlines() if "|" in line)
    return {job: end for job in jobs if (end := states.get(job, EndedJob(""))) is not None}


def _parsed(line: str) -> tuple[str, EndedJob | None]:
    """Parse a line into a job's id and its end, which is None while the job runs."""
    job, state, status, *_ = (part.strip() for part in line.split("|"))
    return job, EndedJob(state, int(status)) if state in FINAL else None
