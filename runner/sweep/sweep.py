"""A multirun from its first job to its answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from hydra.core.utils import JobReturn

from runner.errors import ExitStatus
from runner.execution.context import Context, Parent
from runner.execution.interruption import Interruption, interruptible
from runner.execution.job import Job, JobEnd
from runner.execution.pruner import Pruner
from runner.sweep.checks import require_prunable
from runner.sweep.composing_jobs import ComposingJobs
from runner.sweep.composition import Composition
from runner.sweep.engine import Engine
from runner.sweep.job_return import job_return
from runner.sweep.parent import find_parent, new_parent
from runner.sweep.parent_run import ParentRun
from runner.sweep.refinement import Refinement
from runner.sweep.replays import Replays
from runner.sweep.resumed import Resumed
from runner.sweep.sweep_jobs import SweepJobs
from runner.sweep.view import SweepView
from runner.tracking.needs import needs_of
from runner.tracking.store import Store, locate


class Sweep:
    """Runs the jobs that Hydra's launcher hands over, once or more often, and has the parent run record them.

    As a context manager it closes the parent run, however the sweep ends.
    """

    def __init__(
        self, command: Sequence[str], view: SweepView, flags: Sequence[str] = (), replays: Replays | None = None
    ) -> None:
        """``command`` are the overrides of the command line, ``flags`` the flags that configs depend on.

        ``view`` shows the progress. ``replays`` are the stored configs that the command names.
        """
        self._command = command
        self.replays = replays or Replays()
        self._composing = ComposingJobs(command, flags, self.replays)
        self._stack = ExitStack()
        self._view = view
        self._interruption = Interruption()
        self._parent: ParentRun | None = None
        self._resumed: Resumed | None = None
        self._engines: list[Engine] = []
        self._jobs = SweepJobs()
        self._batch: list[Job] = []
        """The jobs of the last launch, once the store is open for them."""
        self._later = 0
        """How many jobs a search still intends to launch."""
        self._seconds_a_job = 0.0
        """How long a job of the last launch took, those together that took turns; 0 if none had to run."""
        self.is_search = False
        """Whether the jobs follow from what earlier ones have found. Those of a grid are launched at once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.are_cut_short |= self._later > 0 and (error is not None or self.was_interrupted)
        try:
            for engine in self._engines:
                engine.close()
            if self._parent is not None:
                self._parent.close(self._jobs, max(engine.at_a_time for engine in self._engines), error)
        finally:
            self._stack.close()

    @property
    def is_empty(self) -> bool:
        """Whether no job was launched here, as with Hydra's own launchers."""
        return not self._jobs.asked

    @property
    def run_id(self) -> str | None:
        """The id of the parent run, once there is one."""
        return self._parent.id if self._parent else None

    @property
    def store(self) -> Store | None:
        """Where the runs are, once the store is open."""
        return self._parent.context.store if self._parent else None

    @property
    def was_interrupted(self) -> bool:
        return self._interruption.number is not None

    @property
    def exit_status(self) -> int:
        """0 only if every job is FINISHED, or was pruned by its search."""
        if self._jobs.all_finished:
            return ExitStatus.OK
        if self._interruption.number is not None:
            return ExitStatus.of_signal(self._interruption.number)
        return ExitStatus.FAILED

    def launch(
        self,
        engine: Engine,
        composition: Composition,
        overrides: Sequence[Sequence[str]],
        first_number: int,
        later: int,
        pruner: Pruner | None = None,
    ) -> list[JobReturn]:
        """Run one job for each list of overrides; all are composed and checked before the first starts.

        ``later`` jobs may follow in further calls, as in a search, whose ``pruner`` ends hopeless ones.
        Raises UserError if one of them is wrong, StoreError if the store fails, KeyboardInterrupt after a signal.
        """
        self.is_search |= not self.is_empty
        self._batch = []
        if engine not in self._engines:
            engine.check()
            self._engines.append(engine)
        jobs = self._compose(engine, composition, overrides, first_number)
        require_prunable(pruner, engine.here, jobs)
        self._jobs.asked += jobs
        context = self._open(jobs, pruner).context
        to_run = self._not_finished_yet(jobs, engine.here)
        self._later, self._batch = later, jobs
        self._view.expect(len(to_run) + later)
        begun = time.monotonic()
        for job, end in engine.run(to_run, context, self._view, self._interruption):
            self._jobs.ends[job.number] = end
        self._seconds_a_job = (time.monotonic() - begun) / max(1, len(to_run))
        if self._interruption.number is not None:
            raise KeyboardInterrupt
        return self.returned

    @property
    def returned(self) -> list[JobReturn]:
        """What the jobs of the last launch have come to, also of one that has raised; none if it began none."""
        return [job_return(job, self._jobs.ends.get(job.number)) for job in self._batch]

    def refine(self) -> None:
        """Measure further what the jobs of a grid leave open; jobs elsewhere would take no turns.

        Raises StoreError if the store fails, KeyboardInterrupt after a signal: the sweep is not whole then.
        """
        if self._parent is None or self.is_search or not self._engines[0].here or not self._jobs.settings.refine:
            return
        context, seconds = self._parent.context, self._jobs.settings.refine_seconds
        refinement = Refinement(context, self._parent.id, self._jobs.asked, seconds, self._seconds_a_job)
        for number, jobs in enumerate(refinement.rounds(), 1):
            self._view.say(f"round {number} of further sizes, where the lead changes: {len(jobs)} jobs")
            self._run_further(jobs, context)
        self._jobs.left_open = refinement.remark

    def _run_further(self, jobs: Sequence[Job], context: Context) -> None:
        to_run = [job for job in jobs if self._taken_over(job, here=True) is None]
        self._view.expect(len(to_run))
        for _ in self._engines[0].run(to_run, context, self._view, self._interruption):
            pass
        if self.was_interrupted:
            self._jobs.are_cut_short = True
            raise KeyboardInterrupt

    def _taken_over(self, job: Job, here: bool) -> JobEnd | None:
        """The end of a job that a resumed sweep has finished; None if it has to run."""
        return self._resumed.take(job, here) if self._resumed else None

    def _compose(
        self,
        engine: Engine,
        composition: Composition,
        overrides: Sequence[Sequence[str]],
        first_number: int,
    ) -> list[Job]:
        jobs = list[Job]()

        def say(done: int) -> None:
            self._view.working("composing", done, len(overrides))

        for job in self._composing.compose(composition, overrides, first_number, engine.here, say):
            if not jobs:
                locate(job.parts.tracking).check(needs_of([job.parts]))
                engine.prepare(job)
            jobs.append(job)
        return jobs

    def _open(self, jobs: Sequence[Job], pruner: Pruner | None) -> ParentRun:
        """Open the store and the parent run, at the first launch."""
        if self._parent is None:
            job = jobs[0]
            context = Context(locate(job.parts.tracking))
            context.pruner = pruner
            if (needs := needs_of(job.parts for job in jobs)) != needs_of([job.parts]):  # that has been checked
                context.store.check(needs)
            self._view.working("opening the store", 0, None)
            context.open(self._view.say)
            self._interruption = self._stack.enter_context(interruptible())
            self._parent = self._reopened(context, job) or self._begun(context, job)
            self._parent.describe(jobs)
            context.parent = Parent(self._parent.id)
        return self._parent

    def _reopened(self, context: Context, job: Job) -> ParentRun | None:
        """Reopen the parent run of the sweep to resume, if there is one."""
        settings = job.parts.sweep
        if settings.resume is False:
            return None
        found = find_parent(context, job, self._command)
        if found is None:
            self._view.say("sweep.resume: no sweep of this command is in the store; this is the first")
            return None
        self._resumed = Resumed.of(context, found.info.run_id, settings)
        return ParentRun.reopened(context, found, self._view, self._interruption)

    def _begun(self, context: Context, job: Job) -> ParentRun:
        return ParentRun(context, new_parent(context, job, self._command), self._view, self._interruption)

    def _not_finished_yet(self, jobs: Sequence[Job], here: bool) -> list[Job]:
        """Select the jobs to run. The ends of those that a resumed sweep has finished are taken over."""
        to_run = []
        for job in jobs:
            end = self._taken_over(job, here)
            if end is None:
                to_run.append(job)
            else:
                self._jobs.ends[job.number] = end
        for remark in self._resumed.remarks() if self._resumed else ():
            self._view.say(remark)
        if len(to_run) < len(jobs):
            self._view.say(f"{len(jobs) - len(to_run)} of {len(jobs)} jobs are done already")
        return to_run
