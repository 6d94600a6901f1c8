"""What a sweep that goes on need not run again."""

from __future__ import annotations

import itertools

import pytest

from runner.config.sweep_settings import SweepSettings
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import JobEnd
from runner.sweep.finished import Finished, end_of
from runner.tracking import tags
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
        return Finished.of(self.context, "parent", SweepSettings(**settings))


@pytest.fixture
def children(workshop: Workshop) -> Children:
    return Children(workshop)


def run_id(end: JobEnd | None) -> str | None:
    return end.run_id if end else None


def test_each_run_stands_for_one_job_the_newest_first(children: Children) -> None:
    older, newer = children.add("a-1", "FINISHED"), children.add("a-1", "FINISHED")
    children.add("b-1", "KILLED")
    finished = children.finished()
    assert [run_id(finished.take("a", "a-1", CODE)) for _ in range(3)] == [newer, older, None]
    assert finished.take("b", "b-1", CODE) is None
    assert finished.take("c", "c-1", CODE) is None


def test_another_kind_of_machine_is_no_substitute_where_the_kind_is_known(children: Children) -> None:
    run = children.add("a-1", "FINISHED")
    assert children.finished().take("a", "a-2", CODE) is None
    assert run_id(children.finished().take("a", None, CODE)) == run


def test_failed_jobs_count_only_if_they_are_not_tried_again(children: Children) -> None:
    good, bad = children.add("a-1", "FINISHED"), children.add("a-1", "FAILED")
    assert run_id(children.finished().take("a", None, CODE)) == good
    finished = children.finished(retry_failed=False)
    assert [run_id(finished.take("a", None, CODE)) for _ in range(2)] == [good, bad]


def test_jobs_that_still_go_on(children: Children) -> None:
    run = children.add("a-1", "RUNNING", **{tags.HOST: "elsewhere"})
    with pytest.raises(UserError, match=r"1 job\(s\) of the sweep still go on, on elsewhere; wait for them, or give"):
        children.finished()
    finished = children.finished(retry_running=True)
    assert finished.take("a", None, CODE) is None
    dead = children.client.get_run(run)
    assert dead.info.status == "KILLED"
    assert dead.data.tags[tags.REASON] == "taken for dead when the sweep was resumed"


def test_what_other_code_has_made_runs_again_and_a_line_says_so(children: Children) -> None:
    children.add("a-1", "FINISHED", **{tags.CODE: "other"})
    children.add("b-1", "FINISHED", **{tags.CODE: "other"})
    mine = children.add("b-1", "FINISHED")
    old = children.add("c-1", "FINISHED")
    children.client.delete_tag(old, tags.CODE)
    finished = children.finished()
    assert [run_id(finished.take(question, None, CODE)) for question in "abc"] == [None, mine, None]
    (remark,) = finished.remarks()
    assert remark.startswith("not taken over: the result of 2 run(s), made 1 by other code and 1 before runs kept")
    assert remark.endswith("so that nobody can know; sweep.accept_other_code=true takes it all the same")
    anything = SameCode("code", accepts_other=True)
    assert run_id(children.finished().take("c", None, anything)) == old
    assert children.finished().remarks() == []


def test_the_end_of_a_job_as_its_run_tells_it(children: Children) -> None:
    run = children.add("a-1", "FAILED", **{tags.REASON: "told to", tags.NOTE: "half of it"})
    end = end_of(children.client.get_run(run))
    assert end == JobEnd("FAILED", "told to", run, 0.5, {}, "half of it")
