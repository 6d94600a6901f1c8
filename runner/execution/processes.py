"""The processes in which one job measures: what each has handed on to the next, and the turn that it had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.measure.timing import timing_of
from runner.execution.context import Context
from runner.execution.job import Job
from runner.messages import File, HandOn, Record
from runner.tracking.earlier import find_unfinished, read_numbered, turns_of

if TYPE_CHECKING:
    from mlflow.entities import Run

FOLDER = "processes"
"""The folder of a run's artifacts with what its processes have handed on: 1.json, 2.json, ..."""


class Processes:
    """The processes of a job that have ended, and the present one."""

    def __init__(self, job: Job, group: str) -> None:
        """``group`` names the jobs with which this one takes turns."""
        self.handed_on: list[bytes] = []
        """What each process that has ended has handed on."""
        self.gpus: list[int | None] = []
        """The GPU of each process that has begun here, where jobs share them out."""
        self.remarks: list[str] = []
        """What other code has left, and was not taken up."""
        self.of_other_code: dict[str, list[str]] = {}
        """What other code has left, and was taken up as accepted, with the hashes of that code."""
        self._job, self._group = job, group
        self._earlier_turns: Sequence[str] = ()

    def begin(self, gpu: int | None) -> None:
        """Begin the next process, on this GPU if jobs share them out."""
        self.gpus.append(gpu)

    @property
    def here(self) -> int:
        """The number of processes that have begun here; a job that was resumed had others before."""
        return len(self.gpus)

    @property
    def ended(self) -> int:
        """The number of processes that have done their part."""
        return len(self.handed_on)

    @property
    def turns(self) -> list[str]:
        """The turn of each process, as the tag ``TURNS`` holds them; none for a job that times nothing."""
        if timing_of(self._job.parts.experiment) is None:
            return []
        return [*self._earlier_turns, *(f"{self._group}.{number}" for number in range(1, self.here + 1))]

    def files(self) -> list[File]:
        """Return everything that was handed on as the run's artifacts."""
        return [_file(number, content) for number, content in enumerate(self.handed_on, 1)]

    def take_over(self, records: Sequence[Record]) -> Iterator[File]:
        """Take what is meant for the next process; yield it as files, so that the store has it, too."""
        for record in records:
            if isinstance(record, HandOn):
                self.handed_on.append(record.content)
                yield _file(self.ended, record.content)

    def take_up(self, context: Context) -> Run | None:
        """Go on with what the processes of an unfinished run have found; return that run, None without one."""
        where = context.experiment_id(self._job), context.fingerprint(self._job)
        code, parent = context.same_code(self._job), context.parent.id if context.parent else None
        found = find_unfinished(context.client, *where, code, FOLDER, parent)
        self.remarks = code.remarks("finished processes")
        self.of_other_code = code.begun_with("finished processes")
        if found is not None:
            self.handed_on = read_numbered(context.client, found, FOLDER)
            self._earlier_turns = turns_of(found, self.ended)
        return found


def _file(process: int, content: bytes) -> File:
    """The artifact with what a process, counted from 1, has handed on."""
    return File(f"{FOLDER}/{process}.json", content)
