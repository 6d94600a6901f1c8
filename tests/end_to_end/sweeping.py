"""Sweeps of the experiment ``trial`` (tests/trial_package), begun as a user begins them."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import ROOT, environment, family_of, start_command
from tests.reading import client, runs
from tests.waiting import PATIENCE, SOON, wait_until

TRIAL = ROOT / "tests" / "trial_package"

PARENT = "mlflow.parentRunId"


def trial_environment() -> dict[str, str]:
    return environment() | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(TRIAL)])}


class Sweeping:
    """A sweep that goes on in a folder; its store is ``store`` below it."""

    def __init__(self, folder: Path, *arguments: str, fresh: bool = False) -> None:
        self.store = folder / "store"
        words = ["-m", "experiment=trial", "device=cpu", "tracking.dir=store", *arguments]
        self.arguments = arguments
        command = ["-m", "runner", "--config-dir", str(TRIAL / "choices"), *words]
        self.process = start_command(*command, cwd=folder, env=trial_environment(), fresh=fresh)

    def wait_for_ends(self, count: int) -> None:
        """Returns when so many jobs have ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(f"{count}/"):
                return
        assert self.process.stderr is not None
        raise AssertionError(self.process.stderr.read())

    def wait_for_server(self) -> psutil.Process:
        """The fork server as soon as there is one: it then imports TensorFlow for seconds."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.process.stderr.read()
            for child in psutil.Process(self.process.pid).children():
                with suppress(psutil.Error):
                    if any("spawn_main" in word for word in child.cmdline()):
                        return child
            time.sleep(0.01)

    def workers(self) -> list[psutil.Process]:
        """The forks of the fork servers; none if a server has just ended."""
        try:
            scheduler = psutil.Process(self.process.pid)
            return [worker for server in scheduler.children() for worker in server.children()]
        except psutil.NoSuchProcess:
            return []

    def wait_for_worker(self, besides: Sequence[psutil.Process] = ()) -> psutil.Process:
        """A worker as soon as there is one, besides those known."""
        deadline = time.monotonic() + PATIENCE
        while not (workers := [worker for worker in self.workers() if worker not in besides]):
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.001)
        return workers[0]

    def wait_for_last_part(self) -> None:
        """A job that goes on, and does what its ``ends`` says."""
        wait_until(self._has_measured, "a value of the job in the store")
        time.sleep(0.5)  # all that it does between handing that over and its end
        assert self.workers()

    def _has_measured(self) -> bool:
        if not (self.store / "mlflow.db").exists():
            return False
        return any("loss" in run.data.metrics for run in runs(self.store, "trial"))

    def end(self) -> tuple[int, str, str]:
        """Exit status, standard output and error; no process of it may be left."""
        family = family_of(self.process)
        out, err = self.process.communicate(timeout=PATIENCE)
        _, left = psutil.wait_procs(family, timeout=SOON)
        assert not left, left
        return self.process.returncode, out, err

    def kill(self) -> None:
        """Do as kill -9 does, and wait until the workers have noticed."""
        family = family_of(self.process)
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        _, left = psutil.wait_procs(family, timeout=SOON)
        assert not left


def parents(store: Path) -> list[Any]:
    return [run for run in runs(store, "trial") if PARENT not in run.data.tags]


def only_parent(store: Path) -> Any:
    (parent,) = parents(store)
    return parent


def children(store: Path) -> list[Any]:
    """The children of the only parent."""
    parent = only_parent(store)
    found = [run for run in runs(store, "trial") if PARENT in run.data.tags]
    assert {run.data.tags[PARENT] for run in found} <= {parent.info.run_id}
    return found


def statuses(store: Path) -> Counter[str]:
    """Return the number of children of each status."""
    return Counter(run.info.status for run in children(store))


def by_x(store: Path, status: str) -> list[float]:
    """The x of the children with a status."""
    return sorted(float(run.data.params["experiment.x"]) for run in children(store) if run.info.status == status)


def child(store: Path, **params: object) -> Any:
    """The only child with these parameters of the experiment."""
    (found,) = [
        run
        for run in children(store)
        if all(run.data.params[f"experiment.{name}"] == str(value) for name, value in params.items())
    ]
    return found


def artifact(store: Path, run: Any, path: str) -> str:
    return Path(client(store).download_artifacts(run.info.run_id, path)).read_text()
