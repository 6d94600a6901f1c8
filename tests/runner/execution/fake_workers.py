"""Workers that follow a script: no process is started, and no TensorFlow."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from experiments.runtime.device import Placement
from runner.config.validation import Parts
from runner.execution.fork_server import ForkServer
from runner.execution.fork_servers import ForkServers
from runner.messages import Assignment, Ended, Outcome, Record, Started, StoredInputs, Yielded
from tests.waiting import PATIENCE

FIRST_PID = 1_000_000_000
"""Above all process numbers of Linux, so that no process can be meant."""

STARTED = Started(Placement("/device:CPU:0", "CPU:0", ""), {"version": "0.0"})


class FakeWorker:
    """The worker's end of the pipe, as its script uses it."""

    def __init__(self, number: int, connection: Connection) -> None:
        self.number = number
        self.pid = FIRST_PID + number
        self.signals = Queue[signal.Signals]()
        self.exit_code = 0
        """The exit status if it ends without a message; a signal as a negative number."""
        self.assignment: Assignment
        self.log: Path
        self._connection = connection

    @property
    def x(self) -> float:
        """The field of its experiment by which the tests tell jobs apart."""
        x: float = self.assignment.experiment.x  # type: ignore[attr-defined]
        return x

    def take_assignment(self) -> None:
        self.assignment, self.log = self._connection.recv()

    def announce(self) -> None:
        """Say its process number, from when on it can be signalled."""
        self._connection.send(self.pid)

    def get_ready(self) -> None:
        """Come as far as a device that computes."""
        self.announce()
        self._connection.send(STARTED)

    def send(self, message: Started) -> None:
        self._connection.send(message)

    def begin(self) -> StoredInputs:
        """Wait until the experiment may begin; return what it may ask for."""
        inputs: StoredInputs = self._hear()
        return inputs

    def start(self) -> StoredInputs:
        self.get_ready()
        return self.begin()

    def hand_over(self, *records: Record) -> None:
        """Return when it may go on."""
        self._connection.send(list(records))
        self._hear()

    def let_others_go_on(self, place: float | None = None) -> int:
        """Return the cycle when it is its turn again."""
        self._connection.send(Yielded(place))
        cycle: int = self._hear()
        return cycle

    def end(self, outcome: Outcome = Outcome.FINISHED, message: str = "", *records: Record) -> None:
        self._connection.send(Ended(outcome, message, records))

    def wait_for_signal(self) -> signal.Signals:
        return self.signals.get(timeout=PATIENCE)

    def end_when_interrupted(self, *records: Record) -> None:
        assert self.wait_for_signal() == signal.SIGINT
        self.end(Outcome.INTERRUPTED, "", *records)

    def close(self) -> None:
        self._connection.close()

    def _hear(self) -> Any:
        assert self._connection.poll(PATIENCE), "the scheduler does not answer"
        return self._connection.recv()


Script = Callable[[FakeWorker], None]


class FakeForkServer(ForkServer):
    """Runs the script of each worker in a thread."""

    def __init__(self, folder: Path, scripts: dict[float, Script]) -> None:
        self.log = folder / "server.log"
        self.log.write_text("imported\n")
        self.is_gone = False
        self.workers: dict[int, FakeWorker] = {}
        self.forgotten: list[int] = []
        self.waited_for: list[int] = []
        self._scripts = scripts

    def is_alive(self) -> bool:
        return not self.is_gone

    def fork(self) -> tuple[int, Connection]:
        ours, its = Pipe()
        number = len(self.workers) + 1
        self.workers[number] = FakeWorker(number, its)
        Thread(target=self._follow_script, args=[self.workers[number]], daemon=True).start()
        return number, ours

    def wait(self, number: int) -> int | None:
        self.waited_for.append(number)
        return None if self.is_gone else self.workers[number].exit_code

    def forget(self, number: int) -> None:
        self.forgotten.append(number)

    def close(self) -> None:
        """There is no process to end."""

    def kill(self, pid: int, number: int) -> None:
        self.workers[pid - FIRST_PID].signals.put(signal.Signals(number))

    def _follow_script(self, worker: FakeWorker) -> None:
        try:
            worker.take_assignment()
            self._scripts[worker.x](worker)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # nobody wants this worker any more
        finally:
            worker.close()


class FakeForkServers(ForkServers):
    """One fake server at a time; a new one after it was dropped."""

    def __init__(self, default: Script) -> None:
        """Each worker follows ``default`` unless :attr:`scripts` has another script for its experiment's x."""
        super().__init__()
        self.scripts: dict[float, Script] = defaultdict(lambda: default)
        self.dropped: list[ForkServer] = []
        self._server: FakeForkServer | None = None

    @property
    def server(self) -> FakeForkServer:
        if self._server is None:
            self._server = FakeForkServer(self.folder, self.scripts)
        return self._server

    def of(self, parts: Parts) -> ForkServer:
        return self.server

    def drop(self, server: ForkServer) -> None:
        self.dropped.append(server)
        self._server = None

    def kill(self, pid: int, number: int) -> None:
        """Stands for os.kill: fake workers get the signal as their scripts expect it."""
        if pid > FIRST_PID:
            self.server.kill(pid, number)
        else:
            _kill(pid, number)


_kill = os.kill
