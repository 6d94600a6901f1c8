"""Inputs that a job needs from the store: trained models, and what earlier runs of the same question have left."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.measure.timing import timing_of
from experiments.recorder import Answered, Source
from runner.execution.context import Context
from runner.execution.job import Job
from runner.messages import StoredInputs
from runner.tracking.earlier import find_answered, find_earlier, find_settled
from runner.tracking.sources import SourceNotFound, find


class MissingInput(Exception):
    """A model that the experiment names is not in the store; the message is one sentence that names the key."""


class Inputs:
    """The inputs of one job, copied to files of this machine, which are deleted along with this object."""

    def __init__(self, job: Job, context: Context) -> None:
        """Find nothing yet: :meth:`find` does."""
        self._job, self._context = job, context
        self.remarks: list[str] = []
        """What other code has left, and was not taken."""
        self.of_other_code: dict[str, list[str]] = {}
        """What other code has left, and was taken as accepted, with the hashes of that code."""
        self._sources: dict[str, Source] = {}
        self._folders: list[TemporaryDirectory[str]] = []
        self.stored = StoredInputs({}, None)

    @property
    def facts(self) -> dict[str, str]:
        """Where the models that were found come from: ``{"run_id": ..., "version": ...}``."""
        return {name: fact for source in self._sources.values() for name, fact in source.facts.items()}

    def find(self) -> None:
        """Find the inputs. Raises MissingInput, and StoreError when the store fails."""
        for field in self._job.parts.experiment.sources:
            self._find_source(field)
        self.stored = StoredInputs(self._sources, self._earlier(), self._settled(), self._answered())

    def _find_source(self, field: str) -> None:
        wanted = str(getattr(self._job.parts.experiment, field))
        try:
            self._sources[wanted] = self._found(wanted)
        except SourceNotFound as missing:
            raise MissingInput(f"experiment.{field}={wanted}: {missing}") from missing

    def _found(self, wanted: str) -> Source:
        context = self._context
        sweep = context.parent.id if context.parent else None
        return find(context.client, wanted, self._folder("source-"), sweep, context.store.words)

    def _earlier(self) -> Path | None:
        """The checkpoint of an unfinished run, if this one is to go on with it."""
        folder = self._job.parts.experiment.goes_on_from
        if not folder or self._job.parts.sweep.resume is False:
            return None
        fingerprint = self._context.fingerprint(self._job)
        experiment_id = self._context.experiment_id(self._job)
        code, scratch = self._context.same_code(self._job), self._folder("earlier-")
        found = find_earlier(self._context.client, experiment_id, fingerprint, code, folder, scratch)
        self.remarks += code.remarks("checkpoints")
        self.of_other_code |= code.begun_with("a checkpoint")
        return found

    def _settled(self) -> dict[str, str]:
        """The choices that earlier runs have made by measuring."""
        names = self._job.parts.experiment.settles
        if not names:
            return {}
        fingerprint = self._context.fingerprint(self._job)
        code = self._context.same_code(self._job)
        experiment_id = self._context.experiment_id(self._job)
        found = find_settled(self._context.client, experiment_id, fingerprint, code, names)
        self.remarks += code.remarks("measured choices") if len(found) < len(names) else []
        self.of_other_code |= code.begun_with("measured choices")
        return found

    def _answered(self) -> Answered | None:
        """The answer before this one; not in a sweep, where a look into the store would cost each job its time."""
        timing = timing_of(self._job.parts.experiment)
        if self._context.parent is not None or timing is None or timing.is_textbook:
            return None
        fingerprint = self._context.fingerprint(self._job)
        return find_answered(self._context.client, self._context.experiment_id(self._job), fingerprint)

    def _folder(self, prefix: str) -> Path:
        self._folders.append(TemporaryDirectory(prefix=prefix))
        return Path(self._folders[-1].name)
