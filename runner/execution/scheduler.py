"""The event loop over jobs: it starts workers, hears what they find, and ends runs."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

from runner.errors import StoreError, UserError
from runner.execution.conductor import Conductor
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.gpus import GpuPool
from runner.execution.groups import Group, in_groups
from runner.execution.interruption import Interruption
from runner.execution.job import Job, JobEnd
from runner.execution.job_run import AT_WORK, BEGUN, JobRun, JobState
from runner.execution.limits import Limits
from runner.execution.resources import Resources
from runner.execution.room import alternate, fits_beside
from runner.execution.verbose import watched
from runner.execution.view import View
from runner.execution.worker_process import Message

LONGEST_WAIT = 0.5
"""Seconds between two looks at the clock while no worker has anything to say."""


class Scheduler:
    """Runs jobs, some side by side.

    One process writes to the store for all workers, so that they never lock each other out. Jobs that measure in
    several processes take turns: a slow drift of the machine affects all of them alike. On a CPU the processes of a
    turn measure beside each other, a block of calls each, so that what is faster than a turn does so, too.
    """

    def __init__(
        self, context: Context, view: View, limits: Limits, interruption: Interruption, servers: ForkServers
    ) -> None:
        self._context, self._view, self._limits, self._interruption = context, watched(view), limits, interruption
        self._gpus = GpuPool(limits.gpus)
        self._resources = Resources(context, servers, limits, self._view, self._gpus)
        self._going: list[JobRun] = []
        """The jobs that have a worker."""
        self._paused: list[JobRun] = []
        """The jobs that wait for the turn of their next process."""
        self._random = random.Random()
        self._conductor = Conductor(self._random)
        self._session = f"{self._random.getrandbits(32):08x}"
        """Tells the turns of this scheduler from those of any other."""
        self._group = Group("")
        """The group that began last."""
        self._waiting: deque[tuple[Group, Job]] = deque()
        """The jobs that are still to begin, each with its group."""
        self._stopped = False
        """Whether a failed job keeps the others from starting."""

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, JobEnd]]:
        """Run the jobs; yield each as it ends, and nothing for those that were never started.

        Raises StoreError when the store fails, with what was measured saved elsewhere; KeyboardInterrupt after a
        signal that comes before the store is open.
        """
        groups = in_groups(list(jobs))
        for number, jobs_of_group in enumerate(groups):
            group = Group(f"{self._session}.{number}", self._limits.n_jobs == 1 and alternate(jobs_of_group))
            self._waiting.extend((group, job) for job in jobs_of_group)
        self._interruption.pass_on = self._interrupt
        try:
            self._start_workers()
            with self._interruption.raising():  # no run exists yet that would have to be ended
                self._context.open(self._view.say)  # takes as long as TensorFlow's import, which goes on meanwhile
            while self._going:
                for run, message in self._messages():
                    self._handle(run, message)
                    yield from self._move_on()
        finally:
            for run in self._going:
                run.close()

    def _start_workers(self) -> None:
        """Start the next processes as soon as earlier ones have finished measuring."""
        while not self._interruption.number and self._start_next():
            pass

    def _move_on(self) -> Iterator[tuple[Job, JobEnd]]:
        """End the jobs that are over, one after the other, and let the next ones begin.

        A job may be over instead of beginning, since a model that it needs is missing.
        """
        while ended := self._next_ended():
            yield ended.job, self._end(ended)

    def _next_ended(self) -> JobRun | None:
        self._give_up_paused()
        if all(run.state is not JobState.ENDED for run in self._going):
            self._let_go()
        return next((run for run in self._going if run.state is JobState.ENDED), None)

    def _start_next(self) -> bool:
        """Start a new job, or the next process of one that is paused; return whether there was one that may start."""
        if self._waiting and not self._stopped and self._is_next_group:
            group, job = self._waiting[0]
            if not (self._gpus.can_serve(job.parts.device) and self._has_room(job, group, turn=1)):
                return False
            self._waiting.popleft()
            self._group = group
            self._going.append(JobRun(job, self._resources, group, self._start_workers))
            self._view.started(job)
            return True
        ready = [run for run in self._paused if self._gpus.can_serve(run.job.parts.device)]
        fewest = min((run.processes.here for run in ready), default=0)
        next_ones = [run for run in ready if run.processes.here == fewest]
        fitting = [run for run in next_ones if self._has_room(run.job, run.group, turn=fewest + 1)]
        if not fitting:
            return False
        run = self._random.choice(fitting)
        self._paused.remove(run)
        self._going.append(run)
        run.go_on()
        return True

    @property
    def _is_next_group(self) -> bool:
        """Whether the next new job belongs to the present group, or none of that waits for a turn."""
        wait_for_turns = self._paused or any(run.hands_on for run in self._going)
        return not wait_for_turns or self._waiting[0][0] == self._group

    def _has_room(self, job: Job, group: Group, turn: int) -> bool:
        """Whether a process may start beside those that measure: there are few, or they share its turn."""
        others = [run for run in self._going if run.keeps_others_waiting]
        if len(others) < self._limits.n_jobs:
            return True
        share_turn = all(run.group == group and run.processes.here == turn and run.state not in BEGUN for run in others)
        return group.alternates and share_turn and fits_beside(job, [run.job for run in others])

    def _give_up_paused(self) -> None:
        """Give up the jobs that are paused, after a signal."""
        if self._interruption.number:
            for run in self._paused:
                run.give_up()
            self._going += self._paused
            self._paused = []

    def _let_go(self) -> None:
        """Let experiments begin whose device is ready, at most ``n_jobs`` at a time; one that draws still counts."""
        for run in self._going:
            if run.state is not JobState.READY or self._are_enough_at_work or self._is_gathering(run.group):
                continue
            if not any(run.waits_for(other) for other in self._going):
                self._context.neighbours.warn(run.job.parts.experiment, self._view.say)
                with self._rescuing():
                    run.go()
        yielded = [run for run in self._going if run.state is JobState.YIELDED]
        if not self._are_enough_at_work and (next_one := self._conductor.next_to_go_on(yielded)):
            next_one.go_on_with_block()

    @property
    def _are_enough_at_work(self) -> bool:
        return sum(run.state in AT_WORK for run in self._going) >= self._limits.n_jobs

    def _is_gathering(self, group: Group) -> bool:
        """Whether a process of a turn still starts, which would disturb those that it is to measure beside."""
        return group.alternates and any(run.state is JobState.STARTING for run in self._going)

    def _messages(self) -> Iterator[tuple[JobRun, Message]]:
        """Wait for the next messages of the workers."""
        if self._interruption.number:  # the signal may have come before a worker was in the list
            for run in self._going:
                run.interrupt()
                run.hear_interrupt()
        readable = wait([run.fileno() for run in self._going], timeout=self._longest_wait())
        for run in list(self._going):
            if run in self._going:  # it may have ended while others were handled
                message = run.receive(run.fileno() in readable)
                if message is not None:
                    yield run, message

    def _interrupt(self, again: bool) -> None:
        """Pass a signal on; called by its handler. The user's second one ends what the first one has interrupted."""
        for run in self._going:
            if again:
                run.kill()
            else:
                run.interrupt()

    def _handle(self, run: JobRun, message: Message) -> None:
        with self._rescuing():
            run.handle(message)
            if run.state is JobState.PAUSED:
                self._going.remove(run)
                self._paused.append(run)
                self._start_workers()

    def _end(self, run: JobRun) -> JobEnd:
        """Record the end of a job while TensorFlow starts for the next one."""
        self._stopped |= self._limits.fail_fast and not run.has_finished
        self._going.remove(run)
        try:
            with self._rescuing(run):
                self._start_workers()
                end = run.end(self._interruption.number)
        finally:
            run.close()
        self._start_workers()  # the GPU that this job had may be what the next one waits for
        self._view.ended(run.job, end)
        return end

    @contextmanager
    def _rescuing(self, *also: JobRun) -> Iterator[None]:
        """When the store fails within this context, save what was measured elsewhere and close all runs."""
        try:
            with self._interruption.writing():
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

    def _rescue(self, error: StoreError, status: str, also: Iterable[JobRun]) -> StoreError:
        """Returns the error, which then also says where everything was saved.

        No signal keeps it from that: a further one only ends the waiting for workers, and for the store.
        """
        runs = [run for run in [*self._going, *self._paused, *also] if run.record.exists]
        for run in runs:
            run.hurry()
        for run in runs:
            error = run.rescue(error)
        with self._interruption.dispensable():
            for run in runs:
                run.record.abandon(status)
        return error

    def _longest_wait(self) -> float:
        nearest = min(run.deadline.at for run in self._going)
        return max(0.0, min(LONGEST_WAIT, nearest - time.monotonic()))
