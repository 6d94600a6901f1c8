"""Watching a sweep's processes from outside, as the system shows them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from experiments.runtime.nvml import card_of

CARD = "/dev/nvidia"


@dataclass
class Seen:
    """A process, and what it had at any time that it was looked at."""

    pid: int
    has_tensorflow: bool = False
    has_card: bool = False

    def look(self) -> None:
        with suppress(OSError):
            files = [os.readlink(link) for link in Path(f"/proc/{self.pid}/fd").iterdir()]
            self.has_card |= any(name.startswith(CARD) for name in files)
        if not self.has_tensorflow:
            with suppress(OSError):
                self.has_tensorflow = "libtensorflow_cc" in Path(f"/proc/{self.pid}/maps").read_text()


class Watch:
    """Looks at a sweep again and again, and kills the process of one of its jobs as soon as it is seen."""

    def __init__(self, to_kill: int) -> None:
        self.servers: dict[int, Seen] = {}
        """The processes that labs are forked from."""
        self.workers: dict[int, Seen] = {}
        self.free: list[int] = []
        """The free bytes of the card at each look."""
        self._to_kill = to_kill
        self._card = card_of("GPU:0")
        self.free_before = self.free_now()

    def free_now(self) -> int | None:
        """Return the free bytes of the card; None if the driver cannot be asked."""
        return self._card.free_bytes() if self._card else None

    def look(self, scheduler: int) -> None:
        with suppress(psutil.Error):
            for server in psutil.Process(scheduler).children():
                self._look_at(server)
        if (free := self.free_now()) is not None:
            self.free.append(free)

    def _look_at(self, server: psutil.Process) -> None:
        with suppress(psutil.Error):
            for worker in server.children():
                is_new = worker.pid not in self.workers
                self.workers.setdefault(worker.pid, Seen(worker.pid)).look()
                self.servers.setdefault(server.pid, Seen(server.pid)).look()
                if is_new and len(self.workers) == self._to_kill:
                    worker.kill()
