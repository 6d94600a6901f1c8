"""What a command would do: its jobs with what is known of them. Nothing is started, and nothing is written."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hydra.core.utils import JobReturn

from experiments.measure.timing import processes_of
from experiments.runtime.device import Device
from experiments.runtime.memory import free_on_host
from experiments.runtime.nvml import card_of
from runner import environment
from runner.config.code import code_hash
from runner.config.question import fingerprint, question_in
from runner.config.sweep_settings import SweepSettings
from runner.errors import UserError
from runner.execution.files import require_files
from runner.execution.job import Job
from runner.execution.pruner import Pruner
from runner.execution.room import room_for
from runner.sweep.checks import require_prunable
from runner.sweep.composing_jobs import ComposingJobs
from runner.sweep.composition import Composition
from runner.sweep.engine import Engine
from runner.sweep.finished import Finished
from runner.sweep.known_runs import KnownRun, by_question, known_runs, sweep_of
from runner.sweep.replays import Replays
from runner.tracking import tags
from runner.tracking.same_code import SameCode
from runner.tracking.store import Store, locate


@dataclass(frozen=True)
class PlannedJob:
    """A job and what is known of it before it runs."""

    job: Job
    processes: int
    bytes_needed: float | None
    """What its largest point takes, or else what an earlier run took; None if nobody knows."""
    is_measured: bool
    """Whether an earlier run took these bytes, TensorFlow included."""
    bytes_free: float | None
    """What is free where it would run; None where that cannot be asked."""
    seconds: Sequence[float]
    """How long each finished run with the same question took, on this kind of machine if there is one."""
    is_done: bool
    """Whether ``sweep.resume=true`` takes its result over."""

    @property
    def expected(self) -> float | None:
        """The median of :attr:`seconds`, None if nothing is known."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def fits(self) -> bool:
        return self.bytes_needed is None or self.bytes_free is None or self.bytes_needed <= self.bytes_free


@dataclass(frozen=True)
class SearchSpace:
    """What a search would try."""

    trials: int
    known_trials: int
    """The trials that the study to resume has already."""
    settings: str
    """Sampler and the like, in words."""
    keys: Sequence[tuple[str, str]]
    """Each key that is searched, with its values in words."""


class Plan:
    """Stands where a sweep stands: Hydra's launcher hands it the jobs."""

    def __init__(self, command: Sequence[str], flags: Sequence[str] = (), replays: Replays | None = None) -> None:
        """``command`` are the overrides of the command line, ``flags`` the flags that configs depend on."""
        self.replays = replays or Replays()
        self._command = command
        self._composing = ComposingJobs(command, flags, self.replays)
        self._jobs: list[Job] = []
        self.here = True
        """Whether the jobs would run on this machine."""
        self.at_a_time = 1
        self._memory_limit: int | None = None
        self.search: SearchSpace | None = None
        self.is_sweep = False
        self.of_other_code = 0
        """How many finished runs of these jobs are not taken over because other code has made them."""

    def launch(
        self,
        engine: Engine,
        composition: Composition,
        overrides: Sequence[Sequence[str]],
        first_number: int,
        later: int,
        pruner: Pruner | None = None,
    ) -> list[JobReturn]:
        """Note the jobs; ``later`` more may follow. Raises UserError if one of them is wrong."""
        self.is_sweep, self.here, self.at_a_time = True, engine.here, engine.at_a_time
        self._memory_limit = engine.memory_bytes
        self._jobs += self._composing.compose(composition, overrides, first_number, engine.here)
        require_prunable(pruner, engine.here, self._jobs)
        if not engine.here:
            engine.prepare(self._jobs[0])
        engine.close()
        return []

    def add(self, job: Job) -> None:
        """Note a job that Hydra has composed: that of a single run, or one of a launcher of Hydra's own.

        Raises UserError if it is wrong, or a file that it names is not there.
        """
        require_files(job)
        self._jobs.append(job)

    @property
    def is_empty(self) -> bool:
        """Whether no job was noted, as where a flag of Hydra's shows something else."""
        return not self._jobs

    @property
    def store(self) -> Store:
        return locate(self._jobs[0].parts.tracking)

    @property
    def settings(self) -> SweepSettings:
        return self._jobs[0].parts.sweep

    def jobs(self) -> list[PlannedJob]:
        """Return the jobs with what the store knows of them. Raises StoreError, and UserError for ``sweep.resume``."""
        runs = known_runs(self.store)
        surroundings = environment.describe()
        finished = Finished(self._of_sweep(runs), self.settings)
        times = _Times(runs)
        planned = []
        for job in self._jobs:
            own = fingerprint(job.question_hash, surroundings)
            peak = times.peak(own)
            needed = _bytes_needed(job)
            planned.append(
                PlannedJob(
                    job,
                    processes_of(job.parts.experiment),
                    peak if needed is None else needed,
                    needed is None and peak is not None,
                    self._free(job.parts.device),
                    times.of(own),
                    finished.take(job.question_hash, own if self.here else None, self._same_code(job)) is not None,
                )
            )
        self.of_other_code = finished.of_other_code
        return planned

    def _same_code(self, job: Job) -> SameCode:
        return SameCode(code_hash(type(job.parts.experiment)), self.settings.accept_other_code)

    def _of_sweep(self, runs: Sequence[KnownRun]) -> list[KnownRun]:
        """Return the jobs of the sweep that ``sweep.resume`` would go on with; none if there is none."""
        if not self.is_sweep:
            return []
        named = self.settings.resume
        if isinstance(named, str):
            parent = next((run for run in runs if run.id == named and tags.KEY in run.tags), None)
            if parent is None:
                raise UserError(f"sweep.resume: there is no sweep {named} in this store; give the id of a sweep's run")
        else:
            parent = sweep_of(runs, self._command, self._jobs[0].parts.mlflow_experiment)
        return [run for run in runs if parent and run.tags.get(tags.PARENT) == parent.id]

    def _free(self, device: Device) -> float | None:
        free = _free_bytes(device.kind, device.index) if self.here else None
        return min((bytes_ for bytes_ in (free, self._memory_limit) if bytes_ is not None), default=None)


def _bytes_needed(job: Job) -> float | None:
    """What the job's largest point takes of the memory of its device, which a CPU shares with the host."""
    room = room_for(job)
    if room is None:
        return None
    return room.on_device if _has_own_memory(job.parts.device) else sum(room)


def _has_own_memory(device: Device) -> bool:
    return device.kind == "gpu" or (device.kind == "auto" and card_of(f"GPU:{device.index}") is not None)


@cache
def _free_bytes(kind: str, index: int) -> int | None:
    """Return the free memory of a GPU, or of the host; None for a GPU that cannot be asked."""
    if kind != "cpu" and (card := card_of(f"GPU:{index}")):
        return card.free_bytes()
    return None if kind == "gpu" else free_on_host()


class _Times:
    """How long the finished runs of each question took, and how much memory."""

    def __init__(self, runs: Sequence[KnownRun]) -> None:
        self._by_question = by_question(run for run in runs if run.status == "FINISHED")

    def of(self, own: str) -> list[float]:
        return [run.seconds for run in self._runs(own)]

    def peak(self, own: str) -> float | None:
        return max((run.peak_bytes for run in self._runs(own) if run.peak_bytes is not None), default=None)

    def _runs(self, own: str) -> list[KnownRun]:
        """Return those of this kind of machine, or else those of any."""
        same = self._by_question.get(question_in(own), [])
        return [run for run in same if run.tags[tags.FINGERPRINT] == own] or same
