"""One job from its config to its end: the lab process, the run in the store, the terminal."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from omegaconf import DictConfig, OmegaConf

from runner import environment
from runner.errors import ExitStatus, StoreError, UserError
from runner.fingerprint import fingerprint
from runner.lab import SIGNALS
from runner.lab_process import LabProcess
from runner.messages import Ended, Job, Outcome, Started
from runner.run_name import run_name
from runner.terminal import Terminal
from runner.tracking.orphans import end_orphans, owner_tags
from runner.tracking.run import TrackedRun, store_errors
from runner.tracking.store import locate
from runner.validation import Parts, flat, parts

STATUS = {Outcome.FINISHED: "FINISHED", Outcome.INTERRUPTED: "KILLED"}
"""How MLflow calls an outcome; any other is FAILED."""


def conduct(config: DictConfig, overrides: Sequence[str]) -> int:
    """Runs the job that ``config`` describes; ``overrides`` are what its user wrote to get it.

    Returns the exit status. Raises UserError where nothing could be started, or where the store failed.
    """
    chosen = parts(config)
    store = locate(chosen.tracking)
    store.check()
    with tempfile.TemporaryDirectory(prefix="lab-") as scratch, Terminal() as terminal:
        lab = LabProcess(Job(chosen.experiment, chosen.device), Path(scratch, "lab.log"))
        with closing(lab), _signals_passed_to(lab) as interruption:
            terminal.waiting("starting TensorFlow")
            client = store.open()  # takes as long as TensorFlow's import, which goes on meanwhile
            with store_errors():
                orphans = end_orphans(client)
            if orphans:
                terminal.say(f"marked as KILLED: {orphans} run(s) whose process is gone")
            surroundings = environment.describe()  # while the lab still imports TensorFlow
            started = lab.started()
            if started is None or interruption.number is not None:
                return _not_started(lab, interruption)
            run = TrackedRun(
                store,
                client,
                chosen.tracking.experiment or chosen.experiment.name,
                run_name(started.placement.actual, overrides),
                _tags(config, chosen, started, surroundings),
            )
            try:
                _describe(run, config, overrides, surroundings | {"tensorflow": started.tensorflow})
                return _follow(lab, run, terminal, interruption)
            except StoreError as error:
                rescued = _rescued(error, lab, run, terminal)
                run.end_if_possible("FAILED")
                raise rescued from error
            except KeyboardInterrupt:  # the second signal, while the store keeps us waiting
                rescued = _rescued(StoreError("interrupted while writing to the store"), lab, run, terminal)
                run.end_if_possible("KILLED")
                raise rescued from None
            except BaseException:  # a bug of ours
                run.end_if_possible("FAILED")
                raise


def _follow(lab: LabProcess, run: TrackedRun, terminal: Terminal, interruption: _Interruption) -> int:
    """Writes what the lab finds, until it ends; then ends the run."""
    for batch in lab.batches():
        run.record(batch)
        terminal.show(batch)
    assert lab.ended is not None
    ended = lab.ended
    if interruption.number is not None and ended.outcome is not Outcome.FINISHED:
        ended = Ended(Outcome.INTERRUPTED)  # however it took the signal
    status = STATUS.get(ended.outcome, "FAILED")
    if ended.outcome is Outcome.CRASHED:
        run.file("traceback.txt", ended.message)
    if output := lab.output():
        run.file("lab.log", output)
    if reason := _reason(ended, interruption):
        run.note(f"**{status}**: {reason}\n\n{run.last_note}".strip())
    run.end(status)
    terminal.conclude(run.last_note, run.link, run.ui_hint)
    if ended.outcome is Outcome.CRASHED:
        print(ended.message, file=sys.stderr)
    if reason:
        print(f"runner: {reason}", file=sys.stderr)
    if interruption.number is not None:
        return ExitStatus.of_signal(interruption.number)
    return ExitStatus.OK if ended.outcome is Outcome.FINISHED else ExitStatus.FAILED


def _reason(ended: Ended, interruption: _Interruption) -> str:
    """Why a run did not finish, in a sentence; empty if it did."""
    match ended.outcome:
        case Outcome.FINISHED:
            return ""
        case Outcome.INTERRUPTED:
            name = interruption.number.name if interruption.number else "a signal"
            return f"interrupted by {name}; what was measured is kept"
        case Outcome.CRASHED:
            return f"the experiment crashed ({ended.message.strip().splitlines()[-1]}); the run has the traceback"
        case _:
            return ended.message


def _not_started(lab: LabProcess, interruption: _Interruption) -> int:
    """The lab ended before the experiment began, so there is no run."""
    if interruption.number is not None:
        print("runner: interrupted before anything was measured; there is no run", file=sys.stderr)
        return ExitStatus.of_signal(interruption.number)
    ended = lab.ended
    assert ended is not None
    if ended.outcome is Outcome.UNAVAILABLE:
        raise UserError(ended.message)
    print(ended.message if ended.outcome is Outcome.CRASHED else lab.output().decode(), file=sys.stderr)
    print(f"runner: TensorFlow could not be started: {ended.message.strip().splitlines()[-1]}", file=sys.stderr)
    return ExitStatus.FAILED


def _rescued(error: StoreError, lab: LabProcess, run: TrackedRun, terminal: Terminal) -> StoreError:
    """Has the lab hand over what it has, and saves and shows all of it where the store cannot."""
    lab.interrupt_if_going()
    if lab.ended is None:
        for batch in lab.batches():
            run.keep(batch)
    terminal.conclude(run.last_note)
    try:
        return StoreError(f"{error}; what was measured is in {run.rescue()}")
    except OSError as second:
        return StoreError(f"{error}; nor could it be saved elsewhere ({second}): what was measured stands above")


def _question(config: DictConfig) -> dict[str, Any]:
    """The config without where the answer is kept: what makes two runs the same."""
    return {key: value for key, value in flat(config) if not key.startswith("tracking.")}


def _tags(config: DictConfig, chosen: Parts, started: Started, surroundings: Mapping[str, Any]) -> dict[str, str]:
    placement = started.placement
    tags = {
        "device.requested": chosen.device.requested,
        "device.actual": placement.actual,
        "device.hardware": placement.hardware,
        "fingerprint": fingerprint(
            _question(config), chosen.experiment.version, surroundings["machine"], placement.hardware
        ),
        "mlflow.user": psutil.Process().username(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "python -m runner",
        "mlflow.source.git.commit": surroundings["code"]["commit"],
    }
    return {name: value for name, value in (tags | owner_tags()).items() if value}


def _describe(run: TrackedRun, config: DictConfig, overrides: Sequence[str], surroundings: Mapping[str, Any]) -> None:
    """What must be known to understand the run and to do it again."""
    run.parameters(_question(config))
    command = shlex.join(["python", "-m", "runner", *overrides])
    run.file("config.yaml", f"# {command}\n{OmegaConf.to_yaml(config, resolve=True)}")
    run.json("environment.json", surroundings)


@dataclass
class _Interruption:
    """The first signal that asked for an end, if any did."""

    number: signal.Signals | None = None


@contextmanager
def _signals_passed_to(lab: LabProcess) -> Iterator[_Interruption]:
    """Ctrl-C, SIGTERM and SIGHUP interrupt the lab; its last words are still written down."""
    interruption = _Interruption()

    def interrupt(number: int, frame: FrameType | None) -> None:
        first, interruption.number = interruption.number is None, interruption.number or signal.Signals(number)
        lab.interrupt()
        if not first:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
