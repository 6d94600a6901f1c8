"""A sweep of the matrix product from the command line: its parent, its children, its answer."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.conftest import run_command
from tests.end_to_end.sweeping import PARENT, artifact
from tests.reading import client, runs

WORDS = [
    "experiment=matmul",
    "experiment.sizes=[1,1000,10000,100000]",
    "experiment.timing.processes=2",
    "experiment.timing.max_seconds=0.2",
    "experiment.timing.warmup_seconds=0.01",
    "device=cpu,gpu",
    "experiment.dtype=float32,float64",
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """On a machine without a GPU."""
    folder = tmp_path_factory.mktemp("sweep")
    done = run_command("-m", "runner", "-m", "tracking.dir=store", *WORDS, cwd=folder, fresh=True)
    return done, folder / "store"


@pytest.fixture(scope="module")
def parent(swept):
    (parent,) = (run for run in runs(swept[1]) if PARENT not in run.data.tags)
    return parent


@pytest.fixture(scope="module")
def jobs(swept):
    return [run for run in runs(swept[1]) if PARENT in run.data.tags]


def test_the_cpu_jobs_finish_and_the_gpu_jobs_say_why_not(swept, parent, jobs):
    done, _ = swept
    assert done.status == 1
    assert done.err == ""
    by_device = {(run.data.tags["device.requested"], run.info.status) for run in jobs}
    assert by_device == {("cpu", "FINISHED"), ("gpu", "FAILED")}
    assert len(jobs) == 4
    for run in jobs:
        if run.info.status == "FAILED":
            assert "sees no GPU here" in run.data.tags["reason"]
            assert "device.actual" not in run.data.tags
    assert parent.info.status == "FAILED"
    assert parent.data.metrics["jobs/finished"] == parent.data.metrics["jobs/failed"] == 2


def test_the_answer_is_on_the_parent_and_on_the_terminal(swept, parent):
    done, store = swept
    picture, _, note = parent.data.tags["mlflow.note.content"].partition("\n\n")
    assert picture.startswith("![comparison_time](get-artifact?path=plots%2Fcomparison_time.svg")
    assert note == artifact(store, parent, "answer.md")
    assert "**4 jobs**: 2 FINISHED, 2 FAILED." in note
    assert "sees no GPU here" in note
    assert "2 of 4 jobs have a curve.\n\n- " in note  # a line for the pair, whichever of the two is faster
    assert "no curve from: gpu float32 (FAILED) and gpu float64 (FAILED)" in note
    assert "Effect of each swept key on time/median_us" in note
    assert note in done.out
    assert parent.info.run_id in done.out
    paths = {found.path for found in client(store).list_artifacts(parent.info.run_id)}
    assert paths >= {"summary.csv", "effects.csv", "growth.csv", "crossover.csv", "answer.md", "plots", "jobs.json"}
    plots = {found.path for found in client(store).list_artifacts(parent.info.run_id, "plots")}
    names = ("comparison_time", "comparison_speedup", "effects")
    assert plots == {f"plots/{name}.{kind}" for name in names for kind in ("png", "svg")}


def test_the_summary_has_a_row_for_each_job(swept, parent, jobs):
    rows = list(csv.DictReader(io.StringIO(artifact(swept[1], parent, "summary.csv"))))
    assert [row["job"] for row in rows] == ["0", "1", "2", "3"]
    assert [(row["device.actual"], row["experiment.dtype"], row["status"]) for row in rows] == [
        ("CPU:0", "float32", "FINISHED"),
        ("CPU:0", "float64", "FINISHED"),
        ("", "float32", "FAILED"),
        ("", "float64", "FAILED"),
    ]
    assert {row["run_id"] for row in rows} == {run.info.run_id for run in jobs}
    assert float(rows[0]["time/median_us"]) > 0


def test_every_composed_config_is_kept(swept, parent, jobs):
    kept = json.loads(artifact(swept[1], parent, "jobs.json"))
    assert [job["config"]["experiment.dtype"] for job in kept] == ["float32", "float64"] * 2
    assert {f"{job['question']}" for job in kept} == {run.data.tags["fingerprint"].partition("-")[0] for run in jobs}


def test_the_limits_of_the_machine_are_measured_once_for_all_like_jobs(tmp_path):
    done = run_command(
        "-m", "runner", "-m", "tracking.dir=store", "device=cpu", "+preset=textbook", "experiment.sizes=[8]",
        "seed=1,2,3", cwd=tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.err
    found = [run for run in runs(tmp_path / "store") if PARENT in run.data.tags]
    assert len({run.data.metrics["peak/gbytes_per_s"] for run in found}) == 1
    assert len({run.data.metrics["time/median_us"] for run in found}) == 3
