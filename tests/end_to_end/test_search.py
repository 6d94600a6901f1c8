"""A search with Optuna from the command line: trials are children, failed ones do not end it, it goes on."""

from __future__ import annotations

import signal
import time

import optuna
import pytest
from optuna.trial import TrialState

from tests.end_to_end.sweeping import Sweeping, children, only_parent, statuses
from tests.reading import client

RESUME = "sweep.resume=true"

WORDS = (
    "hydra/sweeper=optuna",
    "experiment.x=interval(0,10)",
    "experiment.ends=well,badly",
    "sweep.metric=loss",
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    first = Sweeping(folder, *WORDS, "hydra.sweeper.n_trials=6").end()
    then = Sweeping(folder, *WORDS, "hydra.sweeper.n_trials=9", "sweep.resume=true").end()
    return folder / "store", first, then


def test_trials_are_children_of_one_parent_also_of_a_search_that_goes_on(searched):
    store, *_ = searched
    assert sum(statuses(store).values()) == 9
    assert {run.data.tags["sweep.job"] for run in children(store)} == {str(number) for number in range(9)}


def test_failed_trials_do_not_end_the_search_but_show(searched):
    store, first, then = searched
    counts = statuses(store)
    assert counts["FAILED"] >= 1
    assert counts["FINISHED"] >= 1
    assert (first[0], then[0]) == (1, 1)
    assert only_parent(store).info.status == "FAILED"


@pytest.mark.parametrize("moment", [0.05, 0.3])
def test_a_search_that_was_killed_can_still_finish(tmp_path, moment):
    """Whether it was forking a worker or waiting for one when the signal came."""
    words = ("hydra/sweeper=optuna", "experiment.x=interval(0,10)", "sweep.metric=loss", "hydra.sweeper.n_trials=5")
    search = Sweeping(tmp_path, *words, "experiment.seconds=0.5")
    search.wait_for_ends(2)
    time.sleep(moment)
    search.process.send_signal(signal.SIGINT)
    assert search.end()[0] == 130
    status, _, err = Sweeping(tmp_path, *words, "experiment.seconds=0.5", "sweep.resume=true").end()
    assert status == 0, err
    store = tmp_path / "store"
    assert only_parent(store).info.status == "FINISHED"
    assert set(statuses(store)) <= {"FINISHED", "KILLED"}


def test_hopeless_trials_are_pruned_and_not_run_again(tmp_path):
    """Also where trials run side by side."""
    words = (
        *("hydra/sweeper=optuna", "experiment.x=interval(0,10)", "experiment.steps=4", "sweep.metric=loss"),
        *("hydra.sweeper.pruner=median", "hydra.sweeper.sampler=random", "hydra.launcher.n_jobs=2"),
    )
    first = Sweeping(tmp_path, *words, "hydra.sweeper.n_trials=8")
    status, out, err = first.end()
    assert status == 0, err
    before = {run.info.run_id: run for run in children(first.store)}
    pruned = [run for run in before.values() if "runner.pruned" in run.data.tags]
    assert len(before) == 8
    assert pruned
    for run in pruned:
        step = run.data.tags["runner.pruned"]
        assert run.info.status == "KILLED"
        assert run.data.tags["mlflow.note.content"].startswith(f"**KILLED**: pruned at step {step} with loss/now = ")
        assert len(client(first.store).get_metric_history(run.info.run_id, "loss/now")) == int(step) < 4
    assert (
        f"**8 jobs**, 2 at a time: {8 - len(pruned)} FINISHED, {len(pruned)} pruned."
        in only_parent(first.store).data.tags["mlflow.note.content"]
    )
    assert f"of which {len(pruned)} w" in out
    status, _, err = Sweeping(tmp_path, *words, "hydra.sweeper.n_trials=10", "hydra.sweeper.n_jobs=2", RESUME).end()
    assert status == 0, err
    after = [run for run in children(first.store) if run.info.run_id not in before]
    assert sorted(int(run.data.tags["sweep.job"]) for run in after) == [8, 9]
    assert only_parent(first.store).info.status == "FINISHED"
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{first.store}/optuna.db")
    told = {trial.number for trial in study.trials if trial.state == TrialState.PRUNED}
    assert told == {
        int(run.data.tags["sweep.job"]) for run in children(first.store) if "runner.pruned" in run.data.tags
    }


def test_the_best_of_all_trials_is_the_answer(searched):
    store, _, then = searched
    best = min(
        (run for run in children(store) if run.info.status == "FINISHED"), key=lambda run: run.data.metrics["loss"]
    )
    note = only_parent(store).data.tags["mlflow.note.content"]
    assert "**9 jobs**" in note
    assert f"with {best.data.metrics['loss']:.6g}" in note
    assert f"loss = {best.data.metrics['loss']:.6g}" in then[1]
