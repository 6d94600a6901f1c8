"""Processes with a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PATIENCE = 10.0
"""Seconds between asking a process to end and ending it."""

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX takes memory as it needs it: others are on the card
}


class OutOfTime(Exception):
    """A process was ended because the step's time was over."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended by itself."""

    status: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The last line on standard error, or on standard output if that is empty."""
        lines = [line.strip() for text in (self.out, self.err) for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def start(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start this Python with ``arguments`` in the project's root, as the leader of a process group of its own.

    Its standard output goes to ``log``, and its standard error to ``log`` with ``.err`` added.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out, errors_of(log).open("wb") as err:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def errors_of(log: Path) -> Path:
    return log.with_name(log.name + ".err")


def wait(process: subprocess.Popen[bytes], log: Path, deadline: float) -> Finished:
    """Wait for a process that was started here. Raises OutOfTime, with all of its group ended, after ``deadline``."""
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise OutOfTime from None
    finally:
        end(process)
    return Finished(process.returncode, _read(log), _read(errors_of(log)))


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what is left of its group: ask first, so that a run can still be written to the store."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _read(path: Path) -> str:
    return path.read_text(errors="replace")
