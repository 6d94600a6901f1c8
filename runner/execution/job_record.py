"""A job's run in the store: begun when its inputs are found, written while the job goes on, and ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from experiments.reporting.markdown import literal
from runner.errors import StoreError
from runner.execution.context import Context
from runner.execution.inputs import Inputs
from runner.execution.job import Job, JobEnd
from runner.execution.new_run import new_run, reopen
from runner.execution.processes import Processes
from runner.messages import Known, Record, Started, StoredInputs
from runner.tracking import tags
from runner.tracking.run import TrackedRun
from runner.tracking.same_code import on_begun


class JobRecord:
    """A job's run in the store, for all processes in which the job measures.

    Before :attr:`exists` only :meth:`begin` and :meth:`create` may be called. What writes raises StoreError.
    """

    def __init__(self, job: Job, context: Context, processes: Processes) -> None:
        """Touch nothing yet. ``processes`` holds what the job's processes hand on, and is added to."""
        self._job, self._context, self._processes = job, context, processes
        self._inputs = Inputs(job, context)
        self._opened: TrackedRun | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a run, and so something to lose."""
        return self._opened is not None

    @property
    def inputs(self) -> StoredInputs:
        """What the present process may ask for."""
        known = dict(self._context.known(self._job.parts.device))
        return replace(self._inputs.stored, handed_on=self._processes.handed_on, known=known)

    def begin(self, started: Started | None, say: Callable[[str], None]) -> None:
        """Find what the experiment needs, then go on in an unfinished run or create one, once for all processes.

        Raises MissingInput, which leaves no run, and SweepIsOver.
        """
        if self.exists:
            return
        self._inputs.find()
        if started is not None:
            self._context.unused_gpu.warn(self._job.parts.device, started.placement, say)
        is_taken_up = self._take_up()
        for remark in (*self._inputs.remarks, *self._processes.remarks):
            say(remark)
        if not is_taken_up:
            self.create(started)
            self.write(self._processes.files())
        self._tag_code()

    def create(self, started: Started | None, seconds_ago: float = 0.0) -> None:
        """Create the run of a job that began ``seconds_ago``. Raises SweepIsOver.

        ``started`` is None if the worker never came so far that the device computes.
        """
        self._opened = new_run(self._job, self._context, started, self._processes.turns, seconds_ago)
        for name, fact in self._inputs.facts.items():
            self._run.tag(f"source.{name}", fact)

    def tag_turn(self) -> None:
        """Record the turn and the GPU of the present process. The first turn was recorded when the run was created."""
        turns, gpus = self._processes.turns, self._processes.gpus
        if len(turns) > 1:
            self._run.tag(tags.TURNS, " ".join(turns))
        if gpus[-1] is not None:
            self._run.tag(tags.CARDS, " ".join(map(str, gpus)))

    def write(self, records: Sequence[Record]) -> None:
        """Write what the worker has found; when this returns, it is in the store."""
        known = self._context.known(self._job.parts.device)
        known.update({record.name: record.value for record in records if isinstance(record, Known)})
        self._run.record([*records, *self._processes.take_over(records)])

    def end(self, end: JobEnd, records: Sequence[Record]) -> JobEnd:
        """Write the last records and close the run; return the end with what the run has come to."""
        run = self._run
        self.write(records)
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

    def keep(self, records: Sequence[Record]) -> None:
        """Keep in memory what the store does not take any more."""
        self._run.keep(records)

    def rescue(self, error: StoreError) -> StoreError:
        """Save everything outside the store, which has failed; the returned error also says where."""
        try:
            return StoreError(f"{error}; what was measured is in {self._run.rescue()}")
        except OSError as second:
            return StoreError(f"{error}; nor could it be saved elsewhere ({second}): what was measured stands above")

    def abandon(self, status: str) -> None:
        """Close the run if the store allows it."""
        self._run.end_if_possible(status)

    @property
    def _run(self) -> TrackedRun:
        assert self._opened is not None
        return self._opened

    def _take_up(self) -> bool:
        """Go on with what the processes of an unfinished run have found; return whether that run itself goes on.

        It does not where it has metrics already, as one that was interrupted has: the store keeps every value. Nor
        where it is the job of a sweep and this one is none: the sweep may go on with it.
        """
        if self._job.parts.sweep.resume is False:
            return False
        found = self._processes.take_up(self._context)
        parent = self._context.parent.id if self._context.parent else None
        if found is None or found.data.metrics or found.data.tags.get(tags.PARENT) != parent:
            return False
        self._opened = reopen(self._context, found)
        return True

    @property
    def _of_other_code(self) -> dict[str, list[str]]:
        """What other code has made and this run goes on with, with the hashes of that code."""
        return self._processes.of_other_code | self._inputs.of_other_code

    def _tag_code(self) -> None:
        """Record that other code has made what the run goes on with: from now on the present code does."""
        if self._of_other_code:
            codes = dict.fromkeys(code for part in self._of_other_code.values() for code in part)
            self._run.tag(tags.BEGUN_BY, " ".join(codes))
            self._run.tag(tags.CODE, self._context.code(self._job))
