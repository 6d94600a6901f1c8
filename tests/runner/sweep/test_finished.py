"""What a sweep that goes on need not run again."""

from __future__ import annotations

import itertools

import pytest

from runner.config.sweep_settings import SweepSettings
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import JobEnd
from runner.sweep.finished import Finished
from runner.sweep.known_runs import KnownRun, known_run
from runner.sweep.parent import children
from runner.sweep.resumed import Resumed, end_of
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.same_code import SameCode
from tests.runner.sweep.conftest import Workshop

CODE = SameCode("code")


class Children:
    """The children of a sweep, made as a test needs them."""

    def __init__(self, workshop: Workshop) -> None:
        self.client = workshop.store.client
        self.context: Context = workshop.context()
        self.experiment = self.client.create_experiment("toy")
        self._starts = itertools.count(1000, 1000)

    def add(self, fingerprint: str, status: str, **more: str) -> str:
        start = next(self._starts)
        found = {tags.PARENT: "parent", tags.FINGERPRINT: fingerprint, tags.CODE: "code", **more}
        run = self.client.create_run(self.experiment, start, found, "")
        if status != "RUNNING":
            self.client.set_terminated(run.info.run_id, status, start + 500)
        return run.info.run_id

    def finished(self, **settings: bool) -> Finished:
        return Finished(map(known_run, children(self.context, "parent")), SweepSettings(**settings))

    def resumed(self, **settings: bool) -> Resumed:
        return Resumed.of(self.context, "parent", SweepSettings(**settings))


@pytest.fixture
def made(workshop: Workshop) -> Children:
    return Children(workshop)


def run_id(run: KnownRun | None) -> str | None:
    return run.id if run else None


def test_each_run_stands_for_one_job_the_newest_first(made: Children) -> None:
    older, newer = made.add("a-1", "FINISHED"), made.add("a-1", "FINISHED")
    made.add("b-1", "KILLED")
    finished = made.finished()
    assert [run_id(finished.take("a", "a-1", CODE)) for _ in range(3)] == [newer, older, None]
    assert finished.take("b", "b-1", CODE) is None
    assert finished.take("c", "c-1", CODE) is None


def test_another_kind_of_machine_is_no_substitute_where_the_kind_is_known(made: Children) -> None:
    run = made.add("a-1", "FINISHED")
    assert made.finished().take("a", "a-2", CODE) is None
    assert run_id(made.finished().take("a", None, CODE)) == run


def test_failed_jobs_count_only_if_they_are_not_tried_again(made: Children) -> None:
    good, bad = made.add("a-1", "FINISHED"), made.add("a-1", "FAILED")
    assert run_id(made.finished().take("a", None, CODE)) == good
    finished = made.finished(retry_failed=False)
    assert [run_id(finished.take("a", None, CODE)) for _ in range(2)] == [good, bad]


def test_jobs_that_still_go_on(made: Children) -> None:
    run = made.add("a-1", "RUNNING", **{tags.HOST: "elsewhere"})
    with pytest.raises(UserError, match=r"1 job\(s\) of the sweep still go on, on elsewhere; wait for them, or give"):
        made.resumed()
    made.resumed(retry_running=True)
    assert made.finished().take("a", None, CODE) is None
    dead = made.client.get_run(run)
    assert dead.info.status == "KILLED"
    assert dead.data.tags[tags.REASON] == "taken for dead when the sweep was resumed"


def test_jobs_that_go_on_on_this_machine_are_no_matter_of_opinion(made: Children) -> None:
    run = made.add("a-1", "RUNNING", **owner_tags())
    with pytest.raises(UserError, match=r"1 job\(s\) of the sweep still go on, on this machine; wait for them"):
        made.resumed(retry_running=True)
    assert made.client.get_run(run).info.status == "RUNNING"


def test_what_other_code_has_made_runs_again_and_a_line_says_so(made: Children) -> None:
    made.add("a-1", "FINISHED", **{tags.CODE: "other"})
    made.add("b-1", "FINISHED", **{tags.CODE: "other"})
    mine = made.add("b-1", "FINISHED")
    old = made.add("c-1", "FINISHED")
    made.client.delete_tag(old, tags.CODE)
    finished = made.finished()
    assert [run_id(finished.take(question, None, CODE)) for question in "abc"] == [None, mine, None]
    (remark,) = finished.remarks()
    assert remark.startswith("not taken over: the result of 2 run(s), made 1 by other code and 1 before runs kept")
    assert remark.endswith("so that nobody can know; sweep.accept_other_code=true takes it all the same")
    anything = SameCode("code", accepts_other=True)
    assert run_id(made.finished().take("c", None, anything)) == old
    assert made.finished().remarks() == []


def test_the_end_of_a_job_as_its_run_tells_it(made: Children) -> None:
    run = made.add("a-1", "FAILED", **{tags.REASON: "told to", tags.NOTE: "half of it"})
    end = end_of(made.client.get_run(run))
    assert end == JobEnd("FAILED", "told to", run, 0.5, {}, "half of it")
