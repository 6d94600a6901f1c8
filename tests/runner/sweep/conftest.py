"""Sweeps of the experiment ``toy`` with fake workers and a store in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from omegaconf import DictConfig, OmegaConf

from experiments.runtime import gpu_driver
from runner import environment
from runner.execution.context import Context
from runner.execution.limits import Limits
from runner.execution.pruner import Pruner
from runner.sweep import isolated, plan, remote, sweep
from runner.sweep.composition import Composition
from runner.sweep.isolated import Isolated
from runner.sweep.sweep import Sweep
from runner.tracking import tags
from tests.runner.execution.conftest import ListView, work
from tests.runner.execution.fake_workers import FakeForkServers, Script
from tests.runner.jobs import SURROUNDINGS, job
from tests.runner.memory_store import MemoryStore


class ToyComposition(Composition):
    """Sets keys without Hydra."""

    def __init__(self) -> None:
        self.composed: list[list[str]] = []

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        self.composed.append(list(overrides))
        config = OmegaConf.merge(job().config, OmegaConf.from_dotlist(list(overrides)))
        assert isinstance(config, DictConfig)
        return config

    def constant(self, command: Sequence[str]) -> set[str]:
        return {word for word in command if not is_swept(word)}


@dataclass
class ListSweepView(ListView):
    """Takes what is shown of a sweep."""

    conclusion: tuple[str, ...] = ()

    def working(self, what: str, done: int, total: int | None) -> None:
        self.lines.append(what)

    def expect(self, jobs: int) -> None:
        self.lines.append(f"{jobs} jobs")

    def conclude(self, table: str, answer: str, link: str, ui_hint: str) -> None:
        self.conclusion = table, answer, link, ui_hint


@dataclass
class Workshop:
    """Where sweeps are run: all of them in one store."""

    store: MemoryStore
    scripts: dict[float, Script] = field(default_factory=dict)
    """What the workers of some jobs do, by the job's x; all others work without a fault."""
    view: ListSweepView = field(default_factory=ListSweepView)

    def new_servers(self) -> FakeForkServers:
        """Those of one command."""
        self.servers = FakeForkServers(work)
        self.servers.scripts |= self.scripts
        return self.servers

    def sweep(self, *command: str) -> Sweep:
        self.view = ListSweepView()
        return Sweep(command, self.view)

    def run(self, *command: str, pruner: Pruner | None = None, **limits: Any) -> tuple[Sweep, list[Any]]:
        """A grid over the words with a comma: the sweep that has ended, and what Hydra's sweeper is told."""
        with self.sweep(*command) as sweep:
            returned = sweep.launch(Isolated(Limits(**limits)), ToyComposition(), grid(command), 0, 0, pruner)
        return sweep, returned

    def context(self) -> Context:
        context = Context(self.store)
        context.open(lambda line: None)
        return context

    def parents(self) -> list[Run]:
        return [run for run in self.store.client.runs() if tags.PARENT not in run.data.tags]

    def children(self) -> list[Run]:
        return [run for run in self.store.client.runs() if tags.PARENT in run.data.tags]


def is_swept(word: str) -> bool:
    """Whether a word has several values; a list is one."""
    return "," in word and "=[" not in word


def grid(command: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a command with at most one swept key."""
    (swept,) = [word for word in command if is_swept(word)] or [""]
    key, _, values = swept.partition("=")
    common = [word for word in command if word != swept]
    return [[*common, f"{key}={value}"] for value in values.split(",")] if swept else [common]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    workshop = Workshop(MemoryStore(tmp_path / "store"))
    monkeypatch.setattr(os, "kill", lambda pid, number: workshop.servers.kill(pid, number))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(environment, "describe", lambda: SURROUNDINGS)
    for drivers in ("NVIDIA", "OTHERS"):
        monkeypatch.setattr(gpu_driver, drivers, ())  # those of this machine
    monkeypatch.setattr(isolated, "ForkServers", workshop.new_servers)
    monkeypatch.setattr(remote, "ForkServers", workshop.new_servers)
    for module in (sweep, remote, plan):
        monkeypatch.setattr(module, "locate", lambda tracking: workshop.store)
    return workshop
