"""One job while it goes on: its workers, one after the other, and the states through which it passes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from enum import Enum

from runner.errors import StoreError
from runner.execution.gpus import on_gpu
from runner.execution.groups import Group
from runner.execution.inputs import MissingInput
from runner.execution.job import Job, JobEnd
from runner.execution.job_record import JobRecord
from runner.execution.limits import NEVER, Deadline
from runner.execution.processes import Processes
from runner.execution.pruner import Pruned
from runner.execution.resources import Resources
from runner.execution.verdict import job_end, last_files, not_started
from runner.execution.worker_process import Message, WorkerProcess
from runner.messages import Assignment, Ended, HandOn, Measured, Outcome, Record, Started, Yielded


class JobState(Enum):
    """How far a job is. It passes through the states in this order, and may skip any but the last.

    Beside others it is WORKING and YIELDED by turns. A job that measures in several processes passes through all but
    the last once for each process.
    """

    STARTING = "starting"
    """TensorFlow and the device start. The job has no run in the store."""
    READY = "ready"
    """The device computes; the experiment waits for its turn. Its run is created unless it needs models."""
    WORKING = "working"
    """The experiment measures."""
    YIELDED = "yielded"
    """The experiment measures block by block beside others, which have their turns."""
    DRAWING = "drawing"
    """The experiment has measured and draws its plots: nothing is timed any more."""
    PAUSED = "paused"
    """A process has ended, and the next one waits for its turn; there is no worker."""
    ENDED = "ended"
    """The last message has come; the run is still to be closed."""


DEAR_START = 2.0
"""Seconds that the start of a process may take without a word."""

AT_WORK = (JobState.WORKING, JobState.DRAWING)
"""States in which an experiment uses the machine."""

BEGUN = (JobState.WORKING, JobState.YIELDED)
"""States of a job that has begun to measure, and has not ended."""

MEASURING = (JobState.STARTING, JobState.READY, *BEGUN)
"""States of a job that has still to measure."""


class JobRun:
    """A job from the start of its first worker to the end of its run, which its record keeps."""

    def __init__(self, job: Job, resources: Resources, group: Group, on_measured: Callable[[], None]) -> None:
        """Start the worker of the first process.

        ``group`` has the jobs with which this one takes turns. ``on_measured`` is called as soon as nothing is timed
        any more.
        """
        self.job = job
        self.state = JobState.STARTING
        self._resources, self._on_measured = resources, on_measured
        self._gpu: int | None = None
        """The GPU of the present process, where jobs share them out."""
        self.group = group
        self.processes = Processes(job, group.name)
        self.place: float | None = None
        """The place of the visit that it is about to begin, where it has yielded to others; None between two blocks."""
        self.cycle = 0
        """The cycle in which it has made its last block beside others."""
        self.record = JobRecord(job, resources.context, self.processes)
        self._begun = time.monotonic()
        """When the current part began: the start of the worker, then the experiment."""
        self._spent = 0.0
        """Seconds that the experiment took in earlier processes."""
        self._exceeded = ""
        """The limit for which the worker was interrupted, in a sentence."""
        self._pruned: Pruned | None = None
        """Why the worker was interrupted by a search, if it was."""
        self._started: Started | None = None
        self._ended: Ended | None = None
        self.hands_on = False
        """Whether the experiment wants another process after the current one."""
        self._worker = self._new_worker()

    def _new_worker(self) -> WorkerProcess:
        parts, resources = self.job.parts, self._resources
        self._gpu = resources.gpus.take(parts.device)
        self.processes.begin(self._gpu)
        assignment = Assignment(
            parts.experiment,
            on_gpu(parts.device, self._gpu),
            self.processes.here if self.group.alternates else None,
            resources.limits.memory_bytes,
            resources.context.store.words,
        )
        return WorkerProcess(resources.servers, parts, assignment)

    def go_on(self) -> None:
        """Start the worker of the next process."""
        self.state, self._begun = JobState.STARTING, time.monotonic()
        self._worker = self._new_worker()

    def fileno(self) -> int:
        """The file descriptor that is readable when the worker has something to say."""
        return self._worker.fileno()

    def waits_for(self, other: JobRun) -> bool:
        """Whether an earlier job may leave the model that this one needs."""
        may_leave_it = type(other.job.parts.experiment).leaves_models and other.job.number < self.job.number
        return self._needs_models and may_leave_it

    @property
    def has_finished(self) -> bool:
        """Whether the experiment has come to its end."""
        return self._ended is not None and self._ended.outcome is Outcome.FINISHED

    @property
    def keeps_others_waiting(self) -> bool:
        """Whether its process takes the place of another: while it measures, or as long as it has a whole GPU."""
        return self.state in MEASURING or (self.state is JobState.DRAWING and self._fills_its_gpu)

    @property
    def _fills_its_gpu(self) -> bool:
        """Whether TensorFlow has taken all memory of a GPU, which is free again only when the process is gone."""
        is_on_gpu = self._started is not None and self._started.placement.is_gpu
        return is_on_gpu and not self.job.parts.device.memory_growth

    @property
    def deadline(self) -> Deadline:
        """The deadline that the job has to meet in its present state."""
        if self._exceeded or self._pruned:
            return NEVER
        if self.state is JobState.STARTING:
            return self._resources.limits.start_deadline(self._begun)
        if self.state in AT_WORK:
            return self._resources.limits.deadline(self._begun - self._spent)
        return NEVER

    def receive(self, is_readable: bool) -> Message | None:
        """The worker's next message, or None. Interrupts a worker that has missed its deadline.

        ``is_readable`` says what was seen when all workers were looked at. One that is late may have sent its message
        since: handling the others' can take long.
        """
        if not is_readable and (self._worker.is_overdue or self.deadline.at < time.monotonic()):
            is_readable = self._worker.wait(0)
        message = self._worker.receive() if is_readable else self._worker.give_up_if_due()
        if message is None and self.deadline.at < time.monotonic():
            self._exceeded = self.deadline.reason
            self._worker.interrupt()
        return message

    def handle(self, message: Message) -> None:
        """Do what a message asks for, and move on to the state that follows from it.

        When this returns, what the worker has handed over is in the store. Raises StoreError, and SweepIsOver.
        """
        if isinstance(message, Ended):
            self._end_process(message)
        elif isinstance(message, Started):
            self._started, self.state = message, JobState.READY
            self._tell_what_a_process_costs()
            if not self._needs_models:
                self._begin_record()
        elif isinstance(message, Yielded):
            self._yield(message)
        elif any(isinstance(record, Measured) for record in message):
            self.state = JobState.DRAWING
            self.hands_on |= any(isinstance(record, HandOn) for record in message)
            self._worker.go()
            self._on_measured()
            self.record.write(message)
        else:
            self.record.write(message)
            self._resources.view.show(self.job, message)
            self._prune_if_hopeless(message)
            self._worker.go()  # only now: nothing is timed while the store is written and the screen drawn

    def _yield(self, message: Yielded) -> None:
        self.state, self.place = JobState.YIELDED, message.place
        self._spent += time.monotonic() - self._begun
        self._begun = time.monotonic()
        if self._exceeded or self._pruned:  # it has been interrupted, and nobody needs its next block
            self.go_on_with_block()

    def go_on_with_block(self) -> None:
        """Let a worker go on that has yielded. Its time counts again from here."""
        self.state, self._begun = JobState.WORKING, time.monotonic()
        self._worker.go_on_in(self.cycle)

    def _prune_if_hopeless(self, records: Sequence[Record]) -> None:
        """Ask the worker to end if the search that the job belongs to has no hope for it."""
        pruner = self._resources.context.pruner
        if pruner and not self._pruned:
            self._pruned = pruner.judge(self.job, records)
            if self._pruned:
                self._worker.interrupt()

    def _tell_what_a_process_costs(self) -> None:
        """Say so, in the second process, where each takes long to start, as on a GPU."""
        seconds = time.monotonic() - self._begun
        if self.processes.ended == 1 and seconds > DEAR_START and not self.group.alternates:
            self._resources.view.say(
                f"each process takes {seconds:.1f} s to start; experiment.timing.processes says how many"
            )

    def _end_process(self, ended: Ended) -> None:
        """Wait for the next process if the experiment wants one, or else for the end of the run."""
        if self._fills_its_gpu:
            self._worker.wait_until_gone()
        if self.hands_on and ended.outcome is Outcome.FINISHED and not self._exceeded:
            self.record.write(ended.records)
            self._spent += time.monotonic() - self._begun
            self.close()
            self.hands_on, self.state = False, JobState.PAUSED
        else:
            self._ended, self.state = ended, JobState.ENDED

    def go(self) -> None:
        """Let the experiment begin, unless a model that it needs is missing. Its time counts from here.

        Raises StoreError, and SweepIsOver.
        """
        if self._needs_models:  # only now are the jobs that may leave them at their ends
            self._begin_record()
        if self.state is JobState.READY:
            self.record.tag_turn()
            self.state, self._begun = JobState.WORKING, time.monotonic()
            self._worker.begin(self.record.inputs)

    def _begin_record(self) -> None:
        """Begin the run in the store; a model that is missing there ends the job instead."""
        try:
            self.record.begin(self._started, self._resources.view.say)
        except MissingInput as missing:
            self._ended, self.state = Ended(Outcome.UNAVAILABLE, str(missing)), JobState.ENDED

    def give_up(self) -> None:
        """End a job that is paused, after a signal."""
        self._ended, self.state = Ended(Outcome.INTERRUPTED), JobState.ENDED

    def interrupt(self) -> None:
        """Ask the worker to hand over what it has and end, unless it has ended or been asked."""
        self._worker.interrupt()

    def hear_interrupt(self) -> None:
        """Let a worker go on that has been interrupted while others had their turns."""
        if self.state is JobState.YIELDED:
            self.go_on_with_block()

    def kill(self) -> None:
        """End the worker at once."""
        self._worker.kill()

    def end(self, interrupted_by: signal.Signals | None) -> JobEnd:
        """Record the last things and close the run. ``interrupted_by`` is the signal that the command got."""
        ended = self._ended
        assert ended is not None
        seconds = self._spent + time.monotonic() - self._begun
        end = job_end(ended, interrupted_by, self._exceeded, self._pruned, seconds)
        output = self._worker.output()
        if not self.record.exists:
            if self._resources.context.parent is None:  # nothing was begun, so there is nothing to keep
                return not_started(end, ended, output)
            # The time of a start that came to nothing belongs to the run: it has no other.
            self.record.create(self._started, seconds_ago=0.0 if self._started else seconds)
        return self.record.end(end, [*ended.records, *last_files(ended, output)])

    def close(self) -> None:
        """End the worker process, and give its GPU back."""
        self._worker.close()
        self._resources.gpus.give_back(self._gpu)
        self._gpu = None

    def hurry(self) -> None:
        """Ask the worker to hand over what it has at once, since the store has failed."""
        if self._worker.ended is not None:  # between two processes, or after the last one
            return
        self._worker.interrupt()
        if self.state is JobState.YIELDED:
            self.go_on_with_block()
        else:
            self._worker.go()  # it may be waiting for what could not be written

    def rescue(self, error: StoreError) -> StoreError:
        """Save everything that the worker hands over outside the store; the returned error also says where."""
        while (ended := self._worker.ended) is None:
            if self._worker.wait(0.2):
                message = self._worker.receive()
                if isinstance(message, list):
                    self.record.keep(message)
                    self._worker.go()
                elif isinstance(message, Yielded):
                    self._worker.go_on_in(self.cycle)
            else:
                self._worker.give_up_if_due()
        self.record.keep([*ended.records, *last_files(ended, self._worker.output())])
        return self.record.rescue(error)

    @property
    def _needs_models(self) -> bool:
        return bool(self.job.parts.experiment.sources)
