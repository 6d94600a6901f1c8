"""One job while it goes on: its lab on one side, its run in the store on the other."""

from __future__ import annotations

import json
import shlex
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from omegaconf import OmegaConf

from experiments.recorder import Source
from experiments.runtime.device import Placement
from runner.config.run_name import run_name
from runner.errors import ExitStatus, StoreError
from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.job import Job, JobEnd
from runner.execution.worker_process import WorkerProcess
from runner.messages import Ended, File, Known, Outcome, Record, Started, StoredInputs
from runner.tracking import tags
from runner.tracking.earlier import find_earlier, find_settled
from runner.tracking.orphans import owner_tags
from runner.tracking.run import TrackedRun
from runner.tracking.sources import SourceNotFound, find

STATUS = {Outcome.FINISHED: "FINISHED", Outcome.INTERRUPTED: "KILLED"}
"""How MLflow calls an outcome; any other is FAILED."""

EXIT_STATUS = {Outcome.FINISHED: ExitStatus.OK, Outcome.UNAVAILABLE: ExitStatus.WRONG_INPUT}
"""What a single run's outcome is as an exit status; any other is FAILED."""


class JobRun:
    """A job from its lab's start to its run's end."""

    def __init__(self, job: Job, context: Context, servers: ForkServers, memory_bytes: int | None) -> None:
        """Starts the lab. There is no run before :meth:`begin`."""
        self.job = job
        self.run: TrackedRun | None = None
        self.exceeded = ""
        """The limit for which it was interrupted, in a sentence."""
        self.begun = time.monotonic()
        self.is_at_work = False
        """Whether the experiment has been let go."""
        self.has_measured = False
        """Whether it only draws any more."""
        self._sources: dict[str, Source] = {}
        self._earlier: Path | None = None
        self._settled: dict[str, str] = {}
        self._scratch: list[TemporaryDirectory[str]] = []
        """What came from elsewhere was copied to; gone with this object."""
        self._context = context
        self.worker = WorkerProcess(servers, job.parts, dict(context.known(job.parts.device)), memory_bytes)

    def begin(self, started: Started | None) -> TrackedRun:
        """Creates the run; ``started`` is None where the lab never got so far."""
        self.run = new_run(self.job, self._context, started, 0.0 if started else time.monotonic() - self.begun)
        for source in self._sources.values():
            for name, fact in source.facts.items():
                self.run.tag(f"source.{name}", fact)
        return self.run

    def find_sources(self) -> str:
        """Looks for the models that the experiment wants to fetch; a sentence where one is not there, else nothing."""
        experiment = self.job.parts.experiment
        for field in experiment.sources:
            wanted = str(getattr(experiment, field))
            self._scratch.append(TemporaryDirectory(prefix="source-"))
            try:
                self._sources[wanted] = find(self._context.client, wanted, Path(self._scratch[-1].name))
            except SourceNotFound as missing:
                return f"experiment.{field}={wanted}: {missing}"
        return ""

    def find_earlier(self) -> None:
        """Looks for what runs of the same question have left: a choice, and if this one is to go on, a checkpoint."""
        experiment = self.job.parts.experiment
        question = self._context.client, self._context.experiment_id(self.job), self._context.fingerprint(self.job)
        if experiment.settles:
            self._settled = find_settled(*question, experiment.settles)
        folder = experiment.goes_on_from
        if folder and self.job.parts.sweep.resume is not False:
            self._scratch.append(TemporaryDirectory(prefix="earlier-"))
            self._earlier = find_earlier(*question, folder, Path(self._scratch[-1].name))

    def go(self) -> None:
        """Lets the experiment begin; its time counts from here."""
        self.is_at_work, self.begun = True, time.monotonic()
        self.worker.begin(StoredInputs(self._sources, self._earlier, self._settled))

    def record(self, records: Sequence[Record]) -> None:
        """Writes what the lab has found; when this returns, it is in the store."""
        assert self.run is not None
        self._learn(records)
        self.run.record(records)

    def expire(self, exceeded: str) -> None:
        """Interrupts the lab for taking too long; ``exceeded`` says which limit."""
        self.exceeded = exceeded
        self.worker.interrupt_if_going()

    def end(self, ended: Ended, interrupted_by: signal.Signals | None) -> JobEnd:
        """Writes the last things and closes the run."""
        status, reason = _verdict(ended, interrupted_by, self.exceeded)
        end = JobEnd(
            status,
            reason,
            seconds=time.monotonic() - self.begun,
            traceback=ended.message if ended.outcome is Outcome.CRASHED else "",
            exit_status=EXIT_STATUS.get(ended.outcome, ExitStatus.FAILED),
        )
        if self.run is None and self._context.parent is None:  # nothing was begun, so there is nothing to keep
            return _not_started(end, ended, self.worker.output())
        run = self.run or self.begin(None)
        self.record([*ended.records, *_last_files(ended, self.worker.output())])
        if reason:
            run.note(f"**{status}**: {reason}\n\n{run.last_note}".strip())
            run.tag(tags.REASON, reason)
        run.end(status)
        return replace(
            end, run_id=run.id, seconds=run.seconds, metrics=run.last_metrics, note=run.last_note, link=run.link
        )

    def hurry(self) -> None:
        """Asks the lab to hand over what it has, at once."""
        self.worker.interrupt_if_going()
        self.worker.go()  # it may be waiting for what could not be written

    def rescue(self, error: StoreError) -> StoreError:
        """Takes what the lab still hands over and saves all of it where the store cannot; says where."""
        assert self.run is not None
        while (ended := self.worker.ended) is None:
            if self.worker.connection.poll(0.2):
                message = self.worker.receive()
                if isinstance(message, list):
                    self.run.keep(message)
                    self.worker.go()
            else:
                self.worker.give_up_if_due()
        self.run.keep([*ended.records, *_last_files(ended, self.worker.output())])
        try:
            return StoreError(f"{error}; what was measured is in {self.run.rescue()}")
        except OSError as second:
            return StoreError(f"{error}; nor could it be saved elsewhere ({second}): what was measured stands above")

    def _learn(self, records: Sequence[Record]) -> None:
        known = self._context.known(self.job.parts.device)
        known.update({record.name: record.value for record in records if isinstance(record, Known)})


def new_run(job: Job, context: Context, started: Started | None, seconds_ago: float = 0.0) -> TrackedRun:
    """The run of a job that began some seconds ago, with what must be known to understand it and to do it again.

    Raises SweepIsOver where the sweep that had asked for the job does not wait for it any more.
    """
    context.require_sweep()
    placement = started.placement if started else None
    run = TrackedRun.create(
        context.store,
        context.client,
        context.experiment_id(job),
        run_name(placement.actual if placement else "", job.distinct or job.overrides),
        _tagged(job, context, placement),
        seconds_ago,
    )
    command = shlex.join(["python", "-m", "runner", *job.overrides])
    config = OmegaConf.to_yaml(job.config, resolve=True)
    try:
        run.parameters(job.question)
        run.files({"config.yaml": f"# {command}\n{config}".encode()})
        run.json({"environment.json": context.surroundings | {"tensorflow": started and started.tensorflow}})
    except BaseException as error:
        run.end_if_possible("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    return run


def _verdict(ended: Ended, interrupted_by: signal.Signals | None, exceeded: str) -> tuple[str, str]:
    """The run's status, and why it did not finish, in a sentence."""
    outcome = ended.outcome
    if outcome is Outcome.FINISHED:
        return "FINISHED", ""
    if exceeded:
        return "FAILED", exceeded
    if outcome is Outcome.INTERRUPTED or interrupted_by is not None:  # however it took the signal
        name = interrupted_by.name if interrupted_by else "a signal"
        return "KILLED", f"interrupted by {name}; what was measured is kept"
    if outcome is Outcome.CRASHED:
        last_line = ended.message.strip().splitlines()[-1]
        return "FAILED", f"the experiment crashed ({last_line}); the run has the traceback"
    return "FAILED", ended.message


def _not_started(end: JobEnd, ended: Ended, output: bytes) -> JobEnd:
    """TensorFlow or the device did not come up."""
    if ended.outcome in (Outcome.UNAVAILABLE, Outcome.INTERRUPTED):
        return end
    return replace(
        end,
        reason=f"TensorFlow could not be started: {ended.message.strip().splitlines()[-1]}",
        traceback=end.traceback or output.decode(errors="replace"),
    )


def _last_files(ended: Ended, output: bytes) -> list[Record]:
    traceback = ended.message.encode() if ended.outcome is Outcome.CRASHED else b""
    files = {"traceback.txt": traceback, "lab.log": output}
    return [File(path, content) for path, content in files.items() if content]


def _tagged(job: Job, context: Context, placement: Placement | None) -> dict[str, str]:
    of_sweep = {
        tags.JOB: str(job.number),
        tags.OVERRIDES: json.dumps(list(job.overrides)),
    }
    tagged: Mapping[str, str | None] = {
        "device.requested": job.parts.device.requested,
        "device.actual": placement.actual if placement else None,
        "device.hardware": placement.hardware if placement else None,
        tags.EXPERIMENT: job.parts.experiment.name,
        tags.FINGERPRINT: context.fingerprint(job),
        **({tags.PARENT: context.parent.id, **of_sweep} if context.parent else {}),
        **source_tags(context),
    }
    return {name: value for name, value in tagged.items() if value}


def source_tags(context: Context) -> dict[str, str]:
    """Who made a run, with which code, and which process keeps it going."""
    tagged = {
        "mlflow.user": psutil.Process().username(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "python -m runner",
        "mlflow.source.git.commit": context.surroundings["code"]["commit"],
    }
    return {name: value for name, value in (tagged | owner_tags()).items() if value}
