"""The jobs that the tests run on a cluster. Each leaves files in a folder that tell that it started and what it saw."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


@dataclass(frozen=True)
class Job:
    """A thing to do, and the folder for the files."""

    folder: Path
    deed: str = "return"

    def starts(self) -> int:
        """How often the job was started."""
        return len(list(self.folder.glob(f"{self.deed}-started-*")))

    def saw(self, signals: str) -> bool:
        return (self.folder / f"{self.deed}-saw-{signals}").exists()


def run(job: Job) -> str:
    """Describe the process: working folder, OMP_NUM_THREADS, blocked signals, niceness. Or do what ``deed`` says."""
    (job.folder / f"{job.deed}-started-{uuid.uuid4()}").touch()
    match job.deed:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise ValueError("two\nlines")
        case "exit":
            sys.exit(3)
        case "wait":
            return _until_signal(job)
    assert threading.current_thread() is threading.main_thread()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return f"{Path.cwd()} {os.environ.get('OMP_NUM_THREADS')} {blocked} {os.nice(0)}"


def _until_signal(job: Job) -> str:
    """Wait for a signal and end a second later, as the scheduler does."""
    seen: list[str] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    (job.folder / f"{job.deed}-ready").touch()
    deadline = time.monotonic() + 60
    while not seen and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    (job.folder / f"{job.deed}-saw-{'-'.join(seen)}").touch()
    return "interrupted"
