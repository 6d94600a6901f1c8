"""A sweep over two workloads from the command line: a choice within an experiment, from its override to the answer."""

from __future__ import annotations

import pytest

from tests.conftest import QUICK, run_command
from tests.end_to_end.sweeping import PARENT
from tests.reading import artifacts, history, runs

NAMES = {"logsumexp", "least_squares"}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The preset, cut down to two workloads at two small sizes."""
    folder = tmp_path_factory.mktemp("gradient_cost")
    words = ["+preset=gradient_cost", f"workload={','.join(sorted(NAMES))}", "experiment.workload.sizes=[10,20]"]
    done = run_command("-m", "runner", "-m", "tracking.dir=store", *words, *QUICK, cwd=folder)
    assert done.status == 0, done.err
    return runs(folder / "store", "gradient_cost"), folder / "store"


def test_each_workload_is_a_job_with_a_curve(swept):
    found, store = swept
    jobs = {run.data.params["experiment.workload"]: run for run in found if PARENT in run.data.tags}
    assert jobs.keys() == NAMES
    for name, run in jobs.items():
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"{name} float32 graph CPU"
        assert sorted(history(store, run, "cost/ratio")) == [10, 20]
        names = {path.name for path in (artifacts(store, run) / "plots").glob("*.png")}
        assert names == {"cost.png", "time.png"}
    assert jobs["least_squares"].data.params["experiment.workload.m"] == "16"


def test_jobs_of_different_choices_are_different_questions(swept):
    fingerprints = {run.data.tags["fingerprint"] for run in swept[0] if PARENT in run.data.tags}
    assert len(fingerprints) == len(NAMES)


def test_the_parent_draws_all_curves_together(swept):
    found, store = swept
    (parent,) = (run for run in found if PARENT not in run.data.tags)
    assert (artifacts(store, parent) / "plots" / "comparison_cost.png").exists()
    assert "2 of 2 jobs have a curve" in parent.data.tags["mlflow.note.content"]
