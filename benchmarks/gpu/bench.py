"""What a step works with: commands with the rest of its time, and the places for what it finds."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.gpu import processes
from benchmarks.gpu.outcome import FAULT, NEEDS_GPU, OK, SEEN, Finding, Outcome, Table
from benchmarks.gpu.processes import Finished, OutOfTime
from benchmarks.gpu.stored import Run, Store

QUICK_TIMING = (
    "experiment.timing.processes=1",
    "experiment.timing.max_seconds=0.1",
    "experiment.timing.warmup_seconds=0.01",
)


class Broken(Exception):
    """A step cannot go on; the message says why."""


@dataclass(frozen=True)
class Done:
    """A command of the product that has ended, and the runs that it has left in the store."""

    status: int
    words: str
    """The last line that it printed."""
    runs: list[Run]

    @property
    def jobs(self) -> list[Run]:
        return [run for run in self.runs if run.is_job]

    @property
    def sweep(self) -> Run:
        """The sweep's own run. Raises Broken if the command was no sweep or left none."""
        for run in self.runs:
            if not run.is_job:
                return run
        raise Broken(f"there is no sweep in the store: {self.words}")

    @property
    def job(self) -> Run:
        """The only job. Raises Broken if there is none."""
        if not self.jobs:
            raise Broken(self.words)
        return self.jobs[0]


class Bench:
    """One step at work."""

    def __init__(self, folder: Path, device: str, quick: bool, outcome: Outcome, deadline: float) -> None:
        self.folder, self.device, self.quick = folder, device, quick
        self.outcome = outcome
        self.deadline = deadline
        """When the step must have ended, on the clock of ``time.monotonic``."""
        self.store = Store(folder / "store")

    @property
    def on_gpu(self) -> bool:
        return self.device == "gpu"

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """What step a has found out about the device."""
        stored = json.loads((self.folder / "report.json").read_text())
        return dict(stored["steps"]["a"]["facts"])

    def sized(self, full: Any, quick: Any) -> Any:
        """Return the first, or the second where all is to be small."""
        return quick if self.quick else full

    def timing(self, *full: str) -> tuple[str, ...]:
        """Return how a command measures: ``full``, or what takes the least time where all is to be small."""
        return QUICK_TIMING if self.quick else full

    # Commands

    def runner(self, *words: str) -> Done:
        """Run ``python -m runner`` in the report's store. Raises OutOfTime."""
        before = {run.id for run in self.store.runs()}
        ended = self._run("-m", "runner", *words, f"tracking.dir={self.store.folder}")
        runs = [run for run in self.store.runs() if run.id not in before]
        return Done(ended.status, ended.last_words, runs)

    def start_runner(self, *words: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start the same and return at once, with where its output goes."""
        log = self._new_log()
        arguments = ("-m", "runner", *words, f"tracking.dir={self.store.folder}")
        self.outcome.commands.append(self._as_typed(arguments))
        return processes.start(arguments, log), log

    def check(self, name: str, **settings: Any) -> list[dict[str, Any]]:
        """Run ``benchmarks.gpu.checks.NAME`` in a process of its own; return what it printed, one object a line.

        Raises Broken if it fails, OutOfTime.
        """
        ended = self._run("-m", f"benchmarks.gpu.checks.{name}", json.dumps(settings))
        if ended.status != 0:
            raise Broken(f"{name} ended with status {ended.status}: {ended.last_words}")
        return [json.loads(line) for line in ended.out.splitlines() if line.startswith("{")]

    def _run(self, *arguments: str) -> Finished:
        log = self._new_log()
        self.outcome.commands.append(self._as_typed(arguments))
        if time.monotonic() >= self.deadline:
            raise OutOfTime
        return processes.wait(processes.start(arguments, log), log, self.deadline)

    def _new_log(self) -> Path:
        return self.folder / "logs" / f"{self.outcome.letter}{len(self.outcome.commands) + 1}.log"

    def _as_typed(self, arguments: Sequence[str]) -> str:
        shown = [word.replace(str(self.folder), "REPORT") for word in arguments]
        return f"python {shlex.join(shown)}"

    # Findings

    def judge(self, what: str, is_right: bool, seen: object) -> None:
        """Note a finding that is either right or a fault."""
        self.outcome.findings.append(Finding(what, str(seen), OK if is_right else FAULT))

    def note(self, what: str, seen: object) -> None:
        """Note a reading for which nothing is right or wrong."""
        self.outcome.findings.append(Finding(what, str(seen), SEEN))

    def needs_gpu(self, *questions: str) -> None:
        """Note questions that have no answer on a CPU."""
        self.outcome.findings += [Finding(question, "not looked at", NEEDS_GPU) for question in questions]

    def table(self, title: str, rows: Iterable[dict[str, str]]) -> None:
        if found := list(rows):
            self.outcome.tables.append(Table(title, found))

    def plot(self, run: Run, name: str, called: str) -> None:
        """Copy a figure of a run into the report. Notes a fault if the run has none."""
        source = run.folder / "plots" / f"{name}.png"
        if not source.exists():
            self.judge(f"the figure {name} of {run.name}", False, "there is none")
            return
        target = self.folder / "plots" / f"{self.outcome.letter}_{called}.png"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)
        self.outcome.plots.append(str(target.relative_to(self.folder)))

    def judge_jobs(self, done: Done, what: str) -> None:
        """Note whether every job of a command has FINISHED, with the reasons of those that have not."""
        bad = [f"{run.name} {run.status}: {run.first_words}" for run in done.jobs if run.status != "FINISHED"]
        is_right = bool(done.jobs) and not bad and done.status == 0
        self.judge(what, is_right, "; ".join(bad) or (f"{len(done.jobs)} FINISHED" if is_right else done.words))
