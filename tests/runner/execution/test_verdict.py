"""From a worker's last message, or a limit, to the end of a job."""

from __future__ import annotations

import math
import signal

import pytest

from experiments.validators import InvalidField
from runner.execution.limits import NEVER, Limits
from runner.execution.pruner import Pruned
from runner.execution.verdict import job_end, last_files
from runner.messages import Ended, File, Outcome

CRASH = Ended(Outcome.CRASHED, "Traceback (most recent call last):\nZeroDivisionError: told to\n")
LIMIT = "it took longer than hydra.launcher.timeout=2.0 seconds; what was measured is kept"


@pytest.mark.parametrize(
    ("ended", "number", "exceeded", "status", "reason"),
    [
        (Ended(Outcome.FINISHED), None, "", "FINISHED", ""),
        (Ended(Outcome.FINISHED), signal.SIGINT, LIMIT, "FINISHED", ""),  # it was quicker
        (Ended(Outcome.INTERRUPTED), signal.SIGTERM, "", "KILLED", "interrupted by SIGTERM; what was measured is kept"),
        (Ended(Outcome.INTERRUPTED), None, "", "KILLED", "interrupted by a signal; what was measured is kept"),
        (Ended(Outcome.INTERRUPTED), None, LIMIT, "FAILED", LIMIT),
        (CRASH, signal.SIGINT, "", "KILLED", "interrupted by SIGINT; what was measured is kept"),
        (CRASH, None, "", "FAILED", "the experiment crashed (ZeroDivisionError: told to); the run has the traceback"),
        (Ended(Outcome.REFUSED, "no"), None, "", "FAILED", "no"),
        (Ended(Outcome.DIED, "killed"), None, "", "FAILED", "killed"),
    ],
)
def test_a_verdict(ended: Ended, number: signal.Signals | None, exceeded: str, status: str, reason: str) -> None:
    end = job_end(ended, number, exceeded, None, 1.5)
    assert (end.status, end.reason, end.seconds) == (status, reason, 1.5)


@pytest.mark.parametrize(
    ("outcome", "status"), [(outcome, {"FINISHED": 0, "UNAVAILABLE": 2}.get(outcome.name, 1)) for outcome in Outcome]
)
def test_the_exit_status_of_a_single_run(outcome: Outcome, status: int) -> None:
    assert job_end(Ended(outcome, "why"), None, "", None, 0).exit_status == status


@pytest.mark.parametrize(
    ("ended", "number", "exceeded", "status", "step"),
    [
        (Ended(Outcome.INTERRUPTED), None, "", "KILLED", 3),
        (Ended(Outcome.DIED, "killed"), signal.SIGINT, "", "KILLED", 3),
        (Ended(Outcome.INTERRUPTED), None, LIMIT, "FAILED", None),
        (Ended(Outcome.FINISHED), None, "", "FINISHED", None),  # it was quicker
    ],
)
def test_the_verdict_on_a_job_that_is_pruned(
    ended: Ended, number: signal.Signals | None, exceeded: str, status: str, step: int | None
) -> None:
    end = job_end(ended, number, exceeded, Pruned(3, "pruned at step 3"), 1.5)
    assert (end.status, end.pruned_at) == (status, step)
    assert end.is_over == (status != "FAILED")


def test_a_crash_leaves_its_traceback() -> None:
    assert last_files(CRASH, b"") == [File("traceback.txt", CRASH.message.encode())]
    assert last_files(Ended(Outcome.FINISHED), b"printed") == [File("lab.log", b"printed")]


def test_deadlines() -> None:
    limits = Limits(timeout=2, start_timeout=30)
    assert (limits.deadline(10).at, limits.start_deadline(10).at) == (12, 40)
    assert Limits().deadline(10) == Limits().start_deadline(10) == NEVER
    assert NEVER.at == math.inf


@pytest.mark.parametrize("key", ["timeout", "start_timeout", "memory_gb"])
def test_limits_are_checked(key: str) -> None:
    with pytest.raises(InvalidField, match="-1 is not a number"):
        Limits(**{key: -1})


def test_one_job_at_least() -> None:
    with pytest.raises(InvalidField, match="0 is not a number"):
        Limits(n_jobs=0)
