"""The run of a sweep: found again, opened again, and its children."""

from __future__ import annotations

import pytest

from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.new_run import reopen
from runner.sweep import parent
from runner.sweep.parent import children, find_parent, new_parent
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from tests.runner.jobs import job
from tests.runner.sweep.conftest import Workshop

COMMAND = ["experiment.x=1,2", "device=cpu"]
GOES_ON = job(sweep={"resume": True})


@pytest.fixture
def context(workshop: Workshop) -> Context:
    return workshop.context()


def test_the_newest_sweep_of_the_same_command_is_found(context: Context) -> None:
    for command in (COMMAND, ["experiment.x=1,2"], COMMAND):
        new_parent(context, job(), command).end("KILLED")
    newest = new_parent(context, job(), COMMAND)
    newest.end("KILLED")
    found = find_parent(context, GOES_ON, [*reversed(COMMAND), "sweep.resume=true"])
    assert found is not None
    assert found.info.run_id == newest.id
    assert find_parent(context, GOES_ON, ["experiment.x=3"]) is None


def test_a_search_is_known_by_what_it_improves(context: Context) -> None:
    search = [*COMMAND, "hydra/sweeper=optuna"]
    parents = {metric: new_parent(context, job(), [*search, f"sweep.metric={metric}"]) for metric in ("a", "b")}
    for one in parents.values():
        one.end("KILLED")
    found = find_parent(context, GOES_ON, [*search, "sweep.metric=a", "sweep.resume=true"])
    assert found is not None
    assert found.info.run_id == parents["a"].id
    assert find_parent(context, GOES_ON, [*search, "sweep.metric=c"]) is None


def test_a_sweep_is_found_by_its_id(context: Context, workshop: Workshop) -> None:
    run = new_parent(context, job(), COMMAND)
    run.end("FAILED")
    named = find_parent(context, job(sweep={"resume": run.id}), ["something=else"])
    assert named is not None
    assert named.info.run_id == run.id
    with pytest.raises(UserError, match=r"sweep\.resume: there is no run 7 in this store; give the id"):
        find_parent(context, job(sweep={"resume": "7"}), COMMAND)
    other = workshop.store.client.create_run(run.experiment_id, 0, {}, "no sweep")
    with pytest.raises(UserError, match=f"the run {other.info.run_id} is not a sweep's; give the id of the parent run"):
        find_parent(context, job(sweep={"resume": other.info.run_id}), COMMAND)


def test_a_sweep_that_goes_on_is_left_alone(context: Context) -> None:
    run = new_parent(context, job(), COMMAND)
    with pytest.raises(UserError, match=f"the sweep {run.id} is still going on .* or stop it first$"):
        find_parent(context, job(sweep={"resume": True, "retry_running": True}), COMMAND)  # it goes on here


def test_one_that_says_running_elsewhere_is_for_a_person_to_judge(context: Context) -> None:
    run = new_parent(context, job(), COMMAND)
    run.tag(tags.HOST, "elsewhere")
    with pytest.raises(UserError, match=r"on elsewhere\); .* or give sweep.retry_running=true if you know"):
        find_parent(context, GOES_ON, COMMAND)
    found = find_parent(context, job(sweep={"resume": True, "retry_running": True}), COMMAND)
    assert found is not None
    again = reopen(context, found)
    assert again.id == run.id
    assert context.client.get_run(run.id).data.tags[tags.HOST] == owner_tags()[tags.HOST]


def test_children_come_in_the_order_of_their_start_however_many(
    context: Context, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "PAGE", 2)
    client, run = workshop.store.client, new_parent(context, job(), COMMAND)
    for start in (5, 3, 4, 1, 2):
        client.create_run(run.experiment_id, start, {tags.PARENT: run.id}, str(start))
    client.create_run(run.experiment_id, 6, {tags.PARENT: "another"}, "6")
    found = [child.info.start_time for child in children(context, run.id)]
    assert found == [1, 2, 3, 4, 5]
