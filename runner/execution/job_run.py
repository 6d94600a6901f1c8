"""One job while it goes on: its workers on one side, its run in the store on the other."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

from experiments.reporting.markdown import literal
from runner.errors import StoreError
from runner.execution.cards import Cards, on_card
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.inputs import Inputs, MissingInput
from runner.execution.job import Job, JobEnd
from runner.execution.limits import NEVER, Deadline, Limits
from runner.execution.new_run import new_run, reopen
from runner.execution.processes import Processes
from runner.execution.pruning import Pruned
from runner.execution.verdict import job_end, last_files, not_started
from runner.execution.view import View
from runner.execution.worker_process import Message, WorkerProcess
from runner.messages import Assignment, Ended, HandOn, Known, Measured, Outcome, Record, Started
from runner.tracking import tags
from runner.tracking.run import TrackedRun
from runner.tracking.same_code import on_begun


class JobState(Enum):
    """How far a job is. It passes through the states in this order, and may skip any but the last.

    A job that measures in several processes passes through the first five once for each process.
    """

    STARTING = "starting"
    """TensorFlow and the device start. The job has no run in the store."""
    READY = "ready"
    """The device computes; the experiment waits for its turn. Its run is created unless it needs models."""
    WORKING = "working"
    """The experiment measures."""
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

MEASURING = (JobState.STARTING, JobState.READY, JobState.WORKING)
"""States of a job that has still to measure."""


class JobRun:
    """A job from the start of its first worker to the end of its run."""

    def __init__(
        self,
        job: Job,
        context: Context,
        servers: ForkServers,
        limits: Limits,
        view: View,
        cards: Cards,
        group: str,
        on_measured: Callable[[], None],
    ) -> None:
        """Start the worker of the first process.

        ``group`` names the jobs with which this one takes turns. ``on_measured`` is called as soon as nothing is timed
        any more.
        """
        self.job = job
        self.state = JobState.STARTING
        self._context, self._servers, self._limits, self._view = context, servers, limits, view
        self._on_measured = on_measured
        self._cards = cards
        self._card: int | None = None
        """The GPU of the present process, where jobs share them out."""
        self.processes = Processes(job, group)
        self._begun = time.monotonic()
        """When the current part began: the start of the worker, then the experiment."""
        self._spent = 0.0
        """Seconds that the experiment took in earlier processes."""
        self._exceeded = ""
        """The limit for which the worker was interrupted, in a sentence."""
        self._pruned: Pruned | None = None
        """Why the worker was interrupted by a search, if it was."""
        self._inputs = Inputs(job, context)
        self._started: Started | None = None
        self._run: TrackedRun | None = None
        self._ended: Ended | None = None
        self.hands_on = False
        """Whether the experiment wants another process after the current one."""
        self._worker = self._new_worker()

    def _new_worker(self) -> WorkerProcess:
        parts, context = self.job.parts, self._context
        known = dict(context.known(parts.device))
        self._card = self._cards.take(parts.device)
        self.processes.cards.append(self._card)
        device = on_card(parts.device, self._card)
        assignment = Assignment(parts.experiment, device, known, self._limits.memory_bytes, context.store.words)
        return WorkerProcess(self._servers, parts, assignment)

    def go_on(self) -> None:
        """Start the worker of the next process."""
        self.state, self._begun = JobState.STARTING, time.monotonic()
        self.processes.here += 1
        self._worker = self._new_worker()

    def fileno(self) -> int:
        """The file descriptor that is readable when the worker has something to say."""
        return self._worker.fileno()

    @property
    def has_run(self) -> bool:
        """Whether the job has a run in the store, and so something to lose."""
        return self._run is not None

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
        return self.state in MEASURING or (self.state is JobState.DRAWING and self._fills_its_card)

    @property
    def _fills_its_card(self) -> bool:
        """Whether TensorFlow has taken all memory of a GPU, which is free again only when the process is gone."""
        is_on_gpu = self._started is not None and self._started.placement.is_gpu
        return is_on_gpu and not self.job.parts.device.memory_growth

    @property
    def deadline(self) -> Deadline:
        """The deadline that the job has to meet in its present state."""
        if self._exceeded or self._pruned:
            return NEVER
        if self.state is JobState.STARTING:
            return self._limits.start_deadline(self._begun)
        if self.state in AT_WORK:
            return self._limits.deadline(self._begun - self._spent)
        return NEVER

    def receive(self, is_readable: bool) -> Message | None:
        """The worker's next message, or None. Interrupts a worker that has missed its deadline."""
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
                self._prepare()
        elif any(isinstance(record, Measured) for record in message):
            self.state = JobState.DRAWING
            self.hands_on |= any(isinstance(record, HandOn) for record in message)
            self._worker.go()
            self._on_measured()
            self._record(message)
        else:
            self._record(message)
            self._view.show(self.job, message)
            self._prune_if_hopeless(message)
            self._worker.go()  # only now: nothing is timed while the store is written and the screen drawn

    def _prune_if_hopeless(self, records: Sequence[Record]) -> None:
        """Ask the worker to end if the search that the job belongs to has no hope for it."""
        if self._context.pruner and not self._pruned:
            self._pruned = self._context.pruner.judge(self.job, records)
            if self._pruned:
                self._worker.interrupt()

    def _tell_what_a_process_costs(self) -> None:
        """Say so, in the second process, where each takes long to start, as on a GPU."""
        seconds = time.monotonic() - self._begun
        if self.processes.ended == 1 and seconds > DEAR_START:
            self._view.say(f"each process takes {seconds:.1f} s to start; experiment.timing.processes says how many")

    def _end_process(self, ended: Ended) -> None:
        """Wait for the next process if the experiment wants one, or else for the end of the run."""
        if self._fills_its_card:
            self._worker.wait_until_gone()
        if self.hands_on and ended.outcome is Outcome.FINISHED and not self._exceeded:
            self._record(ended.records)
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
            self._prepare()
        if self.state is JobState.READY:
            self._tag_turns()
            self.state, self._begun = JobState.WORKING, time.monotonic()
            self._worker.begin(replace(self._inputs.stored, handed_on=self.processes.handed_on))

    def _tag_turns(self) -> None:
        """Record the turns of a job that times something; that of its first process is there since the run is."""
        turns = self.processes.turns
        if self._run and len(turns) > 1:
            self._run.tag(tags.TURNS, " ".join(turns))
        if self._run and self._card is not None:
            self._run.tag(tags.CARDS, " ".join(map(str, self.processes.cards)))

    @property
    def _of_other_code(self) -> dict[str, list[str]]:
        """What other code has made and this run goes on with, with the hashes of that code."""
        return self.processes.of_other_code | self._inputs.of_other_code

    def _tag_code(self) -> None:
        """Record that other code has made what the run goes on with: from now on the present code does."""
        if self._run and self._of_other_code:
            codes = dict.fromkeys(code for part in self._of_other_code.values() for code in part)
            self._run.tag(tags.BEGUN_BY, " ".join(codes))
            self._run.tag(tags.CODE, self._context.code(self.job))

    def give_up(self) -> None:
        """End a job that is paused, after a signal."""
        self._ended, self.state = Ended(Outcome.INTERRUPTED), JobState.ENDED

    def interrupt(self) -> None:
        """Ask the worker to hand over what it has and end, unless it has ended or been asked."""
        self._worker.interrupt()

    def kill(self) -> None:
        """End the worker at once."""
        self._worker.kill()

    def end(self, interrupted_by: signal.Signals | None) -> JobEnd:
        """Record the last things and close the run. ``interrupted_by`` is the signal that the command got."""
        ended = self._ended
        assert ended is not None
        seconds = self._spent + time.monotonic() - self._begun
        end = job_end(ended, interrupted_by, self._exceeded, self._pruned, seconds)
        if self._run is None and self._context.parent is None:  # nothing was begun, so there is nothing to keep
            return not_started(end, ended, self._worker.output())
        run = self._run or self._create_run()
        self._record([*ended.records, *last_files(ended, self._worker.output())])
        if self._of_other_code:
            run.note(f"{on_begun(self._of_other_code)}\n\n{run.last_note}".strip())
        if end.reason:
            run.note(f"**{end.status}**: {literal(end.reason)}\n\n{run.last_note}".strip())
            run.tag(tags.REASON, end.reason)
        if end.pruned_at is not None:
            run.tag(tags.PRUNED, str(end.pruned_at))
        run.end(end.status)
        return replace(
            end, run_id=run.id, seconds=run.seconds, metrics=run.last_metrics, note=run.last_note, link=run.link
        )

    def close(self) -> None:
        """End the worker process, and give its GPU back."""
        self._worker.close()
        self._cards.give_back(self._card)
        self._card = None

    def hurry(self) -> None:
        """Ask the worker to hand over what it has at once, since the store has failed."""
        if self.state is JobState.PAUSED:
            return
        self._worker.interrupt()
        self._worker.go()  # it may be waiting for what could not be written

    def rescue(self, error: StoreError) -> StoreError:
        """Save everything that the worker hands over outside the store; the returned error also says where."""
        assert self._run is not None
        while (ended := self._worker.ended) is None:
            if self._worker.wait(0.2):
                message = self._worker.receive()
                if isinstance(message, list):
                    self._run.keep(message)
                    self._worker.go()
            else:
                self._worker.give_up_if_due()
        self._run.keep([*ended.records, *last_files(ended, self._worker.output())])
        try:
            return StoreError(f"{error}; what was measured is in {self._run.rescue()}")
        except OSError as second:
            return StoreError(f"{error}; nor could it be saved elsewhere ({second}): what was measured stands above")

    def abandon(self, status: str) -> None:
        """Close the run if the store allows it."""
        assert self._run is not None
        self._run.end_if_possible(status)

    @property
    def _needs_models(self) -> bool:
        return bool(self.job.parts.experiment.sources)

    def _prepare(self) -> None:
        """Find what the experiment needs from the store, then create the run: a model that is missing leaves none."""
        if self._run is not None:  # of an earlier process
            return
        try:
            self._inputs.find()
        except MissingInput as missing:
            self._ended, self.state = Ended(Outcome.UNAVAILABLE, str(missing)), JobState.ENDED
            return
        is_taken_up = self._take_up()
        for remark in (*self._inputs.remarks, *self.processes.remarks):
            self._view.say(remark)
        if not is_taken_up:
            self._create_run()
            self._record(self.processes.files())
        self._tag_code()

    def _take_up(self) -> bool:
        """Go on with what the processes of an unfinished run have found; return whether that run itself goes on.

        It does not where it has metrics already, as one that was interrupted has: the store keeps every value.
        """
        if self.job.parts.sweep.resume is False:
            return False
        found = self.processes.take_up(self._context)
        if found is None or found.data.metrics:
            return False
        self._run = reopen(self._context, found)
        return True

    def _create_run(self) -> TrackedRun:
        """Create the run. If the worker never came so far that the device computes, that time belongs to the run."""
        seconds_ago = 0.0 if self._started else time.monotonic() - self._begun
        self._run = new_run(self.job, self._context, self._started, self.processes.turns, seconds_ago)
        for name, fact in self._inputs.facts.items():
            self._run.tag(f"source.{name}", fact)
        return self._run

    def _record(self, records: Sequence[Record]) -> None:
        """Write what the worker has found; when this returns, it is in the store."""
        assert self._run is not None
        known = self._context.known(self.job.parts.device)
        known.update({record.name: record.value for record in records if isinstance(record, Known)})
        self._run.record([*records, *self.processes.take_over(records)])
