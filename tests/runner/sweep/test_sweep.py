"""One multirun from its first job to its answer."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Sequence

import pytest
from hydra.core.utils import JobStatus

from runner.errors import StoreError, UserError
from runner.execution import context
from runner.execution.job import Job
from runner.execution.limits import Limits
from runner.execution.pruner import Pruned
from runner.messages import HandOn, Measured, Metric, Outcome, Record
from runner.sweep import other_code
from runner.sweep.isolated import Isolated
from runner.sweep.job_return import JobDidNotFinish, JobWasPruned, NoSuchMetric
from runner.sweep.plan import Plan
from runner.sweep.sweep import Sweep
from runner.tracking import tags
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.memory_store import artifact
from tests.runner.sweep.conftest import ToyComposition, Workshop, grid


def refuses(worker: FakeWorker) -> None:
    worker.start()
    worker.end(Outcome.REFUSED, "told to refuse")


def test_a_grid(workshop: Workshop) -> None:
    sweep, returned = workshop.run("experiment.x=1,2,4", "seed=7")
    assert sweep.exit_status == 0
    (parent,) = workshop.parents()
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "sweep x=1,2,4 seed=7")
    assert parent.data.tags[tags.COMMAND] == "python -m runner -m experiment.x=1,2,4 seed=7"
    assert [run.info.status for run in workshop.children()] == ["FINISHED"] * 3
    assert {run.data.tags[tags.PARENT] for run in workshop.children()} == {parent.info.run_id}
    assert [run.info.run_name for run in workshop.children()] == ["x=1 CPU", "x=2 CPU", "x=4 CPU"]
    assert [job.status for job in returned] == [JobStatus.COMPLETED] * 3
    jobs = json.loads(artifact(parent, "jobs.json"))
    assert [job["config"]["experiment.x"] for job in jobs] == [1.0, 2.0, 4.0]
    assert len(artifact(parent, "summary.csv").splitlines()) == 4
    table, answer, _, _ = workshop.view.conclusion
    assert table.count("FINISHED") == 3
    shown, _, words = parent.data.tags[tags.NOTE].partition("\n\n")
    assert shown == f"![effects](get-artifact?path=plots%2Feffects.svg&run_uuid={parent.info.run_id})"
    assert answer == words
    page = artifact(parent, "answer.html")
    for text in (
        "data:image/svg",
        "summary",
        "experiment.x: 1.0 | 2.0 | 4.0\n",
        "<pre>python -m runner -m",
    ):
        assert text in page
    assert answer.startswith("**3 jobs**: 3 FINISHED.")


def test_a_job_that_fails_fails_the_sweep(workshop: Workshop) -> None:
    workshop.scripts[2] = refuses
    sweep, returned = workshop.run("experiment.x=1,2,4")
    assert sweep.exit_status == 1
    assert workshop.parents()[0].info.status == "FAILED"
    assert [run.info.status for run in workshop.children()] == ["FINISHED", "FAILED", "FINISHED"]
    assert returned[1].status == JobStatus.FAILED
    with pytest.raises(JobDidNotFinish, match="told to refuse"):
        _ = returned[1].return_value
    assert "- x=2 FAILED: told to refuse" in workshop.view.conclusion[1]


def test_jobs_that_were_not_started_are_named(workshop: Workshop) -> None:
    workshop.scripts[1] = refuses
    sweep, _ = workshop.run("experiment.x=1,2,4", fail_fast=True)
    assert sweep.exit_status == 1
    assert "1 FAILED, 2 not started" in workshop.view.conclusion[1]
    assert workshop.view.conclusion[0].count("not started") == 2


def test_a_sweeper_gets_the_metric(workshop: Workshop) -> None:
    _, returned = workshop.run("experiment.x=1,2", "sweep.metric=loss")
    assert [job.return_value for job in returned] == [1.0, 2.0]
    assert "Best by loss (minimize): **x=1** with 1." in workshop.view.conclusion[1]


def test_a_metric_that_is_missing_is_told(workshop: Workshop) -> None:
    sweep, returned = workshop.run("experiment.x=1,2", "sweep.metric=accuracy")
    assert sweep.exit_status == 0
    with pytest.raises(NoSuchMetric, match=r"sweep\.metric: there is no metric accuracy; there are loss"):
        _ = returned[0].return_value


class PrunesTwo:
    """Finds the job with x=2 hopeless."""

    def require_steps(self, job: Job) -> None:
        """Any job will do."""

    def judge(self, job: Job, records: Sequence[Record]) -> Pruned | None:
        return Pruned(5, "pruned at step 5") if job.parts.experiment.x == 2 else None  # type: ignore[attr-defined]


def is_interrupted(worker: FakeWorker) -> None:
    worker.start()
    worker.hand_over(Metric("loss", 2, 5, 0))
    worker.end_when_interrupted()


def test_a_job_that_was_pruned_is_done(workshop: Workshop) -> None:
    """It does not fail the sweep, and runs again only in a sweep that does not prune."""
    workshop.scripts[2] = is_interrupted
    sweep, returned = workshop.run("experiment.x=1,2,4", "sweep.metric=loss", pruner=PrunesTwo())
    assert sweep.exit_status == 0
    assert workshop.parents()[0].info.status == "FINISHED"
    assert [run.info.status for run in workshop.children()] == ["FINISHED", "KILLED", "FINISHED"]
    with pytest.raises(JobWasPruned):
        _ = returned[1].return_value
    table, answer, _, _ = workshop.view.conclusion
    assert "| x=2  | pruned " in table
    assert answer.startswith("**3 jobs**: 2 FINISHED, 1 pruned.\n\nPruned as hopeless: at step 5 x=2.")
    assert workshop.parents()[0].data.metrics["jobs/pruned"] == 1
    rows = artifact(workshop.parents()[0], "summary.csv").splitlines()
    assert "pruned_at" in rows[0]
    words = ("experiment.x=1,2,4", "sweep.metric=loss", "sweep.resume=true")
    again, _ = workshop.run(*words, pruner=PrunesTwo())
    assert again.exit_status == 0
    assert len(workshop.children()) == 3
    del workshop.scripts[2]
    without, _ = workshop.run(*words)
    assert without.exit_status == 0
    assert [run.info.status for run in workshop.children()][3:] == ["FINISHED"]


def test_several_metrics_have_a_front_and_no_best(workshop: Workshop) -> None:
    def finds(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.FINISHED, "", Metric("loss", worker.x, 0, 0), Metric("rate", min(worker.x, 2), 0, 0))

    workshop.scripts |= dict.fromkeys((1, 2, 4), finds)
    aims = ("sweep.metric=[loss,rate]", "sweep.direction=[minimize,maximize]")
    _, returned = workshop.run("experiment.x=1,2,4", *aims)
    assert [job.return_value for job in returned] == [[1.0, 1.0], [2.0, 2.0], [4.0, 2.0]]
    answer = workshop.view.conclusion[1]
    assert "Pareto front (minimize loss and maximize rate): 2 of 3 jobs, as measured." in answer
    assert "Best by" not in answer
    (parent,) = workshop.parents()
    assert artifact(parent, "pareto.csv").splitlines() == ["job,name,loss,rate", "0,x=1,1.0,1.0", "1,x=2,2.0,2.0"]
    assert parent.data.tags[tags.NOTE].startswith("![pareto](get-artifact?path=plots%2Fpareto.svg")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("tracking.dir=there,elsewhere", "tracking.dir: cannot vary from job to job within a sweep"),
        ("sweep.metric=loss,accuracy", "sweep.metric: cannot vary from job to job within a sweep"),
        ("device.index=0,-1", "job 1 (device.index=-1): device.index: -1 is not a number"),
    ],
)
def test_a_sweep_that_is_wrong_starts_nothing(workshop: Workshop, command: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        workshop.run(command)
    assert str(caught.value).startswith(says)
    assert workshop.store.client.runs() == []


@pytest.mark.parametrize("jobs", [[], [[]]])
def test_a_sweep_without_jobs_is_wrong(workshop: Workshop, jobs: list[list[str]]) -> None:
    with pytest.raises(UserError, match="this sweep has no jobs"), workshop.sweep("experiment.x=") as sweep:
        sweep.launch(Isolated(Limits()), ToyComposition(), jobs, 0, 0)


# Going on


def test_a_plan_looks_for_the_sweep_where_the_command_does(workshop: Workshop) -> None:
    """In the MLflow experiment that it names."""
    words = ("experiment.x=1,2", "sweep.resume=true")
    there = "tracking.experiment=there"
    workshop.run("experiment.x=1,2", there)
    for command, done in ((words, [False, False]), ((*words, there), [True, True])):
        plan = Plan(command)
        plan.launch(Isolated(Limits()), ToyComposition(), grid(command), 0, 0)
        assert [one.is_done for one in plan.jobs()] == done
    workshop.run(*words)
    assert "sweep.resume: no sweep of this command is in the store; this is the first" in workshop.view.lines


def test_a_sweep_goes_on_where_it_ended(workshop: Workshop) -> None:
    workshop.scripts[2] = refuses
    workshop.run("experiment.x=1,2")
    (before,) = workshop.parents()
    del workshop.scripts[2]
    sweep, returned = workshop.run("experiment.x=1,2,4", "sweep.resume=true")
    assert sweep.exit_status == 0  # it is another command, so a sweep of its own
    assert "sweep.resume: no sweep of this command is in the store; this is the first" in workshop.view.lines

    sweep, returned = workshop.run("sweep.resume=true", "experiment.x=1,2")
    assert sweep.exit_status == 0
    assert "1 of 2 jobs are done already" in workshop.view.lines
    assert [job.status for job in returned] == [JobStatus.COMPLETED] * 2
    parent = next(run for run in workshop.parents() if run.info.run_id == before.info.run_id)
    assert parent.info.status == "FINISHED"
    own = [run for run in workshop.children() if run.data.tags[tags.PARENT] == parent.info.run_id]
    assert [run.info.status for run in own] == ["FINISHED", "FAILED", "FINISHED"]
    assert [row.split(",")[2] for row in artifact(parent, "summary.csv").splitlines()[1:]] == ["FINISHED"] * 2


def test_jobs_that_other_code_has_made_run_again(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fix-and-resume story: the answer holds nothing of the old formula unless told to, and then says so."""

    def code_is(name: str) -> None:
        for module in (context, other_code):
            monkeypatch.setattr(module, "code_hash", lambda kind: name)

    code_is("wrong")
    workshop.run("experiment.x=1,2")
    code_is("fixed")
    workshop.run("experiment.x=1,2", "sweep.resume=true")
    assert any("not taken over: the result of 2 run(s), made 2 by other code" in line for line in workshop.view.lines)
    (parent,) = workshop.parents()
    fixed = {run.info.run_id for run in workshop.children() if run.data.tags[tags.CODE] == "fixed"}
    assert len(fixed) == 2
    assert {row.split(",")[-1] for row in artifact(parent, "summary.csv").splitlines()[1:]} == fixed
    assert "other code" not in artifact(parent, "answer.md")

    code_is("fixed again")
    workshop.run("experiment.x=1,2", "sweep.resume=true", "sweep.accept_other_code=true")
    assert len(workshop.children()) == 4
    assert "**Made by other code than this command's, as accepted:** x=1 and x=2." in artifact(parent, "answer.md")
    marks = [row.split(",")[-2] for row in artifact(parent, "summary.csv").splitlines()]
    assert marks == ["other_code", "fixed", "fixed"]


def test_a_job_that_other_code_has_begun_is_marked(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def code_is(name: str) -> None:
        for module in (context, other_code):
            monkeypatch.setattr(module, "code_hash", lambda kind: name)

    def dies_in_its_second_process(worker: FakeWorker) -> None:
        if worker.start().handed_on:
            worker.exit_code = -9
        else:
            worker.hand_over(HandOn(b'"found"'), Measured())
            worker.end()

    code_is("wrong")
    workshop.scripts[2] = dies_in_its_second_process
    workshop.run("experiment.x=1,2")
    code_is("fixed")
    del workshop.scripts[2]
    workshop.run("experiment.x=1,2", "sweep.resume=true", "sweep.accept_other_code=true")
    (parent,) = workshop.parents()
    begun = workshop.children()[1]
    assert begun.info.status == "FINISHED"
    assert "what other code has made, as accepted:** finished processes (wrong)." in begun.data.tags[tags.NOTE]
    answer = artifact(parent, "answer.md")
    assert "**Made by other code than this command's, as accepted:** x=1. **Begun by other code" in answer
    marks = [row.split(",")[-2] for row in artifact(parent, "summary.csv").splitlines()]
    assert marks == ["other_code", "wrong", "wrong"]

    workshop.run("experiment.x=1,2", "sweep.resume=true")  # nobody accepts them any more
    assert len(workshop.children()) == 4
    assert "other code" not in artifact(parent, "answer.md")
    assert [row.split(",")[2] for row in artifact(parent, "summary.csv").splitlines()[1:]] == ["FINISHED"] * 2


def test_failed_jobs_are_run_again_unless_told_not_to(workshop: Workshop) -> None:
    workshop.scripts[2] = refuses
    workshop.run("experiment.x=1,2")
    sweep, _ = workshop.run("experiment.x=1,2", "sweep.resume=true", "sweep.retry_failed=false")
    assert sweep.exit_status == 1
    assert len(workshop.children()) == 2
    workshop.run("experiment.x=1,2", "sweep.resume=true")
    assert len(workshop.children()) == 3


def test_jobs_json_has_the_jobs_of_earlier_commands_too(workshop: Workshop) -> None:
    """A search goes on with later numbers."""
    command = ["experiment.x=interval(1,9)", "sweep.resume=true"]
    for number, x in enumerate((1, 2)):
        with workshop.sweep(*command) as sweep:
            sweep.launch(Isolated(Limits()), ToyComposition(), [[f"experiment.x={x}", command[1]]], number, 0)
    (parent,) = workshop.parents()
    assert [job["number"] for job in json.loads(artifact(parent, "jobs.json"))] == [0, 1]
    assert sweep.exit_status == 0


def test_a_job_that_diverged_has_no_value_when_it_is_taken_over_either(workshop: Workshop) -> None:
    def diverges(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Metric("loss", 1, 0, 0))
        worker.end(Outcome.FINISHED, "", Metric("loss", math.nan, 1, 0))

    workshop.scripts[2] = diverges
    for words in ([], ["sweep.resume=true"]):
        _, returned = workshop.run("experiment.x=1,2", "sweep.metric=loss", *words)
        assert [job.return_value for job in returned] == pytest.approx([1.0, math.nan], nan_ok=True)
    assert len(workshop.children()) == 2


# What ends it early


def test_a_signal_ends_the_sweep(workshop: Workshop) -> None:
    def is_interrupted(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over(Metric("loss", 1, 0, 0))
        os.kill(os.getpid(), signal.SIGTERM)
        worker.end_when_interrupted()

    workshop.scripts[2] = is_interrupted
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), workshop.sweep("experiment.x=1,2,4") as sweep:
        sweep.launch(Isolated(Limits()), ToyComposition(), [[f"experiment.x={x}"] for x in (1, 2, 4)], 0, 0)
    assert sweep.was_interrupted
    assert sweep.exit_status == 128 + signal.SIGTERM
    assert workshop.parents()[0].info.status == "KILLED"
    assert [run.info.status for run in workshop.children()] == ["FINISHED", "KILLED"]
    assert [job.status for job in sweep.returned] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.FAILED]
    assert "1 FINISHED, 1 KILLED, 1 not started" in workshop.view.conclusion[1]
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_end_the_waiting_for_a_store_that_hangs(workshop: Workshop) -> None:
    """The second one while a job is stored; the next ones while its run and the sweep's are closed."""
    waited = []

    def hangs() -> None:
        signal.raise_signal(signal.SIGINT)
        waited.append("till its end")

    def script(worker: FakeWorker) -> None:
        worker.start()
        os.kill(os.getpid(), signal.SIGINT)
        assert worker.wait_for_signal() == signal.SIGINT
        workshop.store.client.before_write = hangs
        worker.hand_over(Metric("loss", 1, 0, 0))

    workshop.scripts[2] = script
    with pytest.raises(StoreError, match="interrupted while writing to the store; what was measured is in"):
        workshop.run("experiment.x=2")
    assert waited == []


def test_a_store_that_fails_ends_the_sweep(workshop: Workshop) -> None:
    def sees_it_fail(worker: FakeWorker) -> None:
        worker.start()
        workshop.store.client.fail()
        worker.hand_over(Metric("loss", 1, 0, 0))
        worker.end()

    workshop.scripts[2] = sees_it_fail
    with pytest.raises(StoreError, match="what was measured is in"):
        workshop.run("experiment.x=1,2,4")
    table, answer, _, _ = workshop.view.conclusion
    assert table.count("not started") == 2
    assert answer == ""
    assert workshop.parents()[0].info.status == "RUNNING"  # nothing can be written; the next start finds an orphan


@pytest.mark.parametrize(("later", "exit_status"), [(0, 0), (2, 1)])
def test_a_search_that_is_cut_short_has_not_finished(workshop: Workshop, later: int, exit_status: int) -> None:
    sweep = workshop.sweep("experiment.x=interval(1,9)")
    with pytest.raises(StoreError), sweep:
        _launch_and_fail(sweep, later)
    assert workshop.parents()[0].info.status == "FAILED"
    assert sweep.exit_status == exit_status


def _launch_and_fail(sweep: Sweep, later: int) -> None:
    sweep.launch(Isolated(Limits()), ToyComposition(), [["experiment.x=1"]], 0, later)
    raise StoreError("the database of the search is gone")


def test_a_sweep_without_a_job_leaves_nothing(workshop: Workshop) -> None:
    with workshop.sweep("experiment.x=1,2") as sweep:
        pass
    assert sweep.is_empty
    assert workshop.store.client.runs() == []


def test_the_batches_of_a_search_are_one_sweep(workshop: Workshop) -> None:
    composition, engine = ToyComposition(), Isolated(Limits())
    with workshop.sweep("experiment.x=interval(1,9)") as sweep:
        sweep.launch(engine, composition, [["experiment.x=1"]], 0, 1)
        sweep.launch(engine, composition, [["experiment.x=2"]], 1, 0)
    assert len(workshop.parents()) == 1
    assert [run.data.tags[tags.JOB] for run in workshop.children()] == ["0", "1"]
    assert [line for line in workshop.view.lines if line[0].isdigit() and line.endswith("jobs")] == ["2 jobs", "1 jobs"]
