"""Conducts jobs, some at a time: starts their labs, takes what they find, ends their runs."""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from types import FrameType
from typing import Protocol

from experiments.validators import require_at_least
from runner.errors import StoreError, UserError
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.job import Job, JobEnd
from runner.execution.job_run import JobRun
from runner.execution.worker import SIGNALS
from runner.messages import Ended, Measured, Outcome, Record, Started

LONGEST_WAIT = 0.5
"""Seconds between two looks at the clock, while no lab has anything to say."""


class View(Protocol):
    """What is shown while jobs go on. Called only when no lab is timing, if one goes on at a time."""

    def say(self, text: str) -> None: ...

    def started(self, job: Job) -> None: ...

    def show(self, job: Job, records: Iterable[Record]) -> None: ...

    def ended(self, job: Job, end: JobEnd) -> None: ...


@dataclass(frozen=True)
class Limits:
    """How many jobs at a time, and what each may take."""

    n_jobs: int = 1
    timeout: float | None = None
    """Seconds, from when its device computes."""
    start_timeout: float | None = None
    """Seconds for TensorFlow and the device to start: drivers and networks may hang."""
    memory_gb: float | None = None
    fail_fast: bool = False
    """Whether no job is started any more once one has failed."""

    def __post_init__(self) -> None:
        require_at_least(self, "n_jobs", 1)
        require_at_least(self, "timeout", 0)
        require_at_least(self, "start_timeout", 0)
        require_at_least(self, "memory_gb", 0)

    @property
    def memory_bytes(self) -> int | None:
        return None if self.memory_gb is None else int(self.memory_gb * 1e9)


@dataclass
class Interruption:
    """The first signal that asked for an end, if any did, and whom it concerns."""

    number: signal.Signals | None = None
    going: list[JobRun] = field(default_factory=list)
    is_writing: bool = False
    """Whether the store may keep us waiting: the second signal then raises KeyboardInterrupt."""
    _raises: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the first one asks the labs to hand over what they have, the second one ends them."""
        again, self.number = self.number is not None, self.number or signal.Signals(number)
        for run in self.going:
            run.worker.interrupt()
        if self._raises or (again and self.is_writing):
            raise KeyboardInterrupt

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Within it already the first signal raises KeyboardInterrupt."""
        self._raises = True
        if self.number is not None:
            raise KeyboardInterrupt
        try:
            yield
        finally:
            self._raises = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Ctrl-C, SIGTERM and SIGHUP interrupt the labs that go on; their last words are still written down."""
    interruption = Interruption()
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup stays in force
    before = {number: signal.signal(number, interruption) for number in heard}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class _Limit:
    """When a job is interrupted for taking too long, on time.monotonic's clock, and what is said of it then."""

    at: float
    exceeded: str


NO_LIMIT = _Limit(math.inf, "")


class Scheduler:
    """One event loop for all labs: a single process writes to the store, so they never wait for its locks."""

    def __init__(
        self, context: Context, view: View, limits: Limits, interruption: Interruption, servers: ForkServers
    ) -> None:
        self._context, self._view, self._limits, self._servers = context, view, limits, servers
        self._interruption = interruption
        self._going = interruption.going
        self._waiting: deque[Job] = deque()
        self._stopped = False

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, JobEnd]]:
        """Runs the jobs; yields each as it ends, and nothing for those that were never started.

        Raises StoreError, with what was measured saved elsewhere, when the store fails.
        """
        self._waiting = deque(jobs)
        try:
            self._start()
            with self._interruption.raising():  # there is no run yet that would have to be ended
                self._context.open(self._view.say)  # takes as long as TensorFlow's import, which goes on meanwhile
            while self._going:
                for run, message in self._messages():
                    if ended := self._take(run, message):
                        yield run.job, self._end(run, ended)
                        self._let_go()
        finally:
            for run in self._going:
                run.worker.close()

    def _start(self) -> None:
        """Starts labs for the next jobs, also while those before them only draw or are written down any more."""
        measuring = [run for run in self._going if not run.has_measured]
        free = self._limits.n_jobs - len(measuring)
        while free > 0 and self._waiting and not (self._stopped or self._interruption.number):
            run = JobRun(self._waiting.popleft(), self._context, self._servers, self._limits.memory_bytes)
            self._going.append(run)
            self._view.started(run.job)
            free -= 1

    def _let_go(self) -> None:
        """Lets experiments begin whose device is ready: never more at a time than may be, drawing ones included."""
        at_work = sum(run.is_at_work for run in self._going)
        for run in self._going:
            if run.run and not run.is_at_work and at_work < self._limits.n_jobs:
                run.go()
                at_work += 1

    def _messages(self) -> Iterator[tuple[JobRun, Started | list[Record] | Ended]]:
        """What the labs say next."""
        if self._interruption.number:  # it may have come before a lab was in the list
            for run in self._going:
                run.worker.interrupt_if_going()
        ready = wait([run.worker.connection for run in self._going], timeout=self._longest_wait())
        for run in list(self._going):
            message = run.worker.receive() if run.worker.connection in ready else run.worker.give_up_if_due()
            if message is not None:
                yield run, message
            elif (limit := self._limit(run)).at < time.monotonic():
                run.expire(limit.exceeded)

    def _take(self, run: JobRun, message: Started | list[Record] | Ended) -> Ended | None:
        """Works on a message; returns it if it was the last one."""
        if isinstance(message, Ended):
            return message
        with self._rescuing():
            if isinstance(message, Started):
                if missing := run.find_sources():
                    return Ended(Outcome.UNAVAILABLE, missing)
                run.find_earlier()
                run.begin(message)
                self._let_go()
            elif any(isinstance(record, Measured) for record in message):
                run.has_measured = True
                run.worker.go()
                self._start()
                run.record(message)
            else:
                run.record(message)
                self._view.show(run.job, message)
                run.worker.go()
        return None

    def _end(self, run: JobRun, ended: Ended) -> JobEnd:
        """Writes the last things of a job, while TensorFlow starts for the next one."""
        self._stopped |= self._limits.fail_fast and ended.outcome is not Outcome.FINISHED
        self._going.remove(run)
        try:
            with self._rescuing(run):
                self._start()
                end = run.end(ended, self._interruption.number)
        finally:
            run.worker.close()
        self._view.ended(run.job, end)
        return end

    @contextmanager
    def _rescuing(self, *also: JobRun) -> Iterator[None]:
        """Where the store fails, everything that was measured is saved elsewhere, and the runs are closed."""
        self._interruption.is_writing = True
        try:
            yield
        except StoreError as error:
            raise self._rescue(error, "FAILED", also) from error
        except KeyboardInterrupt:  # the second signal, while the store keeps us waiting
            raise self._rescue(StoreError("interrupted while writing to the store"), "KILLED", also) from None
        except UserError:  # nobody waits for this job; nothing was begun
            raise
        except BaseException as error:  # a bug of ours
            rescued = self._rescue(StoreError("what follows is a bug of this program"), "FAILED", also)
            error.add_note(str(rescued))
            raise
        finally:
            self._interruption.is_writing = False

    def _rescue(self, error: StoreError, status: str, also: Iterable[JobRun]) -> StoreError:
        runs = [run for run in [*self._going, *also] if run.run]
        for run in runs:
            run.hurry()
        for run in runs:
            error = run.rescue(error)
        for run in runs:
            assert run.run is not None
            run.run.end_if_possible(status)
        return error

    def _limit(self, run: JobRun) -> _Limit:
        """The one that the job has to keep now."""
        limits = self._limits
        if run.exceeded:
            return NO_LIMIT
        if run.run is None and limits.start_timeout is not None:
            limit = f"hydra.launcher.start_timeout={limits.start_timeout} seconds"
            return _Limit(run.begun + limits.start_timeout, f"TensorFlow and the device did not start within {limit}")
        if run.is_at_work and limits.timeout is not None:
            limit = f"hydra.launcher.timeout={limits.timeout} seconds"
            return _Limit(run.begun + limits.timeout, f"it took longer than {limit}; what was measured is kept")
        return NO_LIMIT

    def _longest_wait(self) -> float:
        nearest = min((self._limit(run).at for run in self._going), default=math.inf)
        return max(0.0, min(LONGEST_WAIT, nearest - time.monotonic()))
