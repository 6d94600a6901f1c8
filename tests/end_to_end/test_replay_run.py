"""A stored run is run again, alone and against another."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import QUICK, Finished, run_command
from tests.end_to_end.sweeping import PARENT, artifact
from tests.reading import runs


class Replayed:
    """A run, its replay with another dtype, and a sweep over the configs of both."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        self.first = self.run("experiment.sizes=[1,2]", "experiment.shape=square", *QUICK)
        (self.a,) = runs(self.store, "matmul")
        self.again = self.run("replay=latest", "experiment.dtype=float64")
        (self.b,) = (run for run in runs(self.store, "matmul") if run.info.run_id != self.a.info.run_id)
        self.sweep = self.run("-m", f"replay={self.a.info.run_id[:8]},{self.b.info.run_id}", "seed=0,1")
        self.jobs = [run for run in runs(self.store, "matmul") if PARENT in run.data.tags]

    def run(self, *words: str) -> Finished:
        done = run_command(
            "-m", "runner", "tracking.dir=store", *words, cwd=self.folder, fresh="replay=latest" in words
        )
        assert (done.status, done.err) == (0, "")
        return done

    @property
    def parent(self) -> Any:
        (id_of_parent,) = {run.data.tags[PARENT] for run in self.jobs}
        return next(run for run in runs(self.store, "matmul") if run.info.run_id == id_of_parent)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return Replayed(tmp_path_factory.mktemp("replayed"))


def test_it_is_the_stored_config_with_what_was_said_on_top(replayed: Replayed) -> None:
    assert replayed.a.data.params | {"experiment.dtype": "float64"} == replayed.b.data.params
    assert replayed.b.data.tags["replays"] == replayed.a.info.run_id
    assert "replays" not in replayed.a.data.tags


def test_what_differs_is_said_before_and_what_comes_out_after_it(replayed: Replayed) -> None:
    before, after = replayed.again.out.split("The stored run (A) and its replay (B)")
    assert replayed.a.info.run_id[:8] in before
    assert "packages, machine." in before or "| differs |" in before
    assert "B / A" in after
    cells = [[cell.strip() for cell in line.split("|")] for line in after.splitlines()]
    assert ["", "config", "experiment.dtype", "float32", "float64", ""] in cells


def test_its_command_needs_no_stored_run(replayed: Replayed) -> None:
    command = artifact(replayed.store, replayed.b, "config.yaml").splitlines()[0]
    assert "replay" not in command
    assert "'experiment.sizes=[1,2]'" in command
    assert "experiment.dtype=float64" in command


def test_stored_configs_are_the_jobs_of_a_sweep(replayed: Replayed) -> None:
    found = {(run.data.params["experiment.dtype"], run.data.params["seed"]): run for run in replayed.jobs}
    assert set(found) == {(dtype, seed) for dtype in ("float32", "float64") for seed in ("0", "1")}
    assert {run.data.tags["replays"] for key, run in found.items() if key[0] == "float32"} == {replayed.a.info.run_id}
    assert found["float64", "1"].info.run_name == "float64 seed=1 square eager CPU"


def test_its_answer_is_about_the_keys_that_differ(replayed: Replayed) -> None:
    rows = list(csv.DictReader(artifact(replayed.store, replayed.parent, "summary.csv").splitlines()))
    assert {(row["experiment.dtype"], row["seed"]) for row in rows} == {
        (dtype, seed) for dtype in ("float32", "float64") for seed in ("0", "1")
    }
    assert "replay" not in rows[0]
    assert "| experiment.dtype | float64 " in replayed.sweep.out


def test_the_sweep_goes_on_by_the_ids(replayed: Replayed) -> None:
    both = ",".join(run.info.run_id[:8] for run in (replayed.a, replayed.b))
    assert f"replay={both}" in replayed.parent.data.tags["sweep.command"]
    done = replayed.run("-m", f"replay={both}", "seed=0,1", "sweep.resume=true")
    assert "4 of 4 jobs are done already" in done.out
