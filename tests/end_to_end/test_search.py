"""A search with Optuna from the command line: trials are children, failed ones do not end it, it goes on."""

from __future__ import annotations

import signal
import time

import pytest

from tests.end_to_end.sweeping import Sweeping, children, only_parent, statuses

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


def test_the_best_of_all_trials_is_the_answer(searched):
    store, _, then = searched
    best = min(
        (run for run in children(store) if run.info.status == "FINISHED"), key=lambda run: run.data.metrics["loss"]
    )
    note = only_parent(store).data.tags["mlflow.note.content"]
    assert "**9 jobs**" in note
    assert f"with {best.data.metrics['loss']:.6g}" in note
    assert f"loss = {best.data.metrics['loss']:.6g}" in then[1]
