"""What a sweep says as a whole, from the runs of its jobs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from mlflow.entities import Metric, Run

from experiments.job_result import JobResult
from experiments.recorder import Recorder
from runner.config.sweep_settings import SweepSettings
from runner.execution.job import JobEnd
from runner.messages import File, Note, Record, Table
from runner.messages import Metric as MetricRecord
from runner.sweep import effects
from runner.sweep.answer import AnswerRecorder, SweepAnswer
from runner.sweep.job_table import job_table
from runner.tracking import tags
from tests.runner.jobs import Toy, job
from tests.runner.memory_store import MemoryClient


class Comparing(Toy):
    name: ClassVar[str] = "comparing"

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        recorder.table("comparison", [{"name": member.name} for member in members])
        recorder.note(f"{len(members)} jobs compared")


class Crashing(Toy):
    name: ClassVar[str] = "crashing"

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        raise ZeroDivisionError("told to")


@pytest.fixture
def client(tmp_path: Path) -> MemoryClient:
    return MemoryClient(tmp_path)


def child(
    client: MemoryClient,
    x: int,
    loss: float | None = None,
    status: str = "FINISHED",
    reason: str = "",
    kind: str = "toy",
) -> Run:
    tagged = {
        tags.JOB: str(x),
        tags.OVERRIDES: json.dumps([f"experiment.x={x}"]),
        tags.FINGERPRINT: f"{kind}{x}-machine",
        tags.EXPERIMENT: kind,
        **({tags.REASON: reason} if reason else {}),
    }
    run = client.create_run("1", 0, tagged, "")
    if loss is not None:
        client.log_batch(run.info.run_id, metrics=[Metric("loss", loss, 0, 0)])
    client.set_terminated(run.info.run_id, status, 1000)
    return client.get_run(run.info.run_id)


def answer(runs: Sequence[Run], *kinds: type[Toy], settings: SweepSettings | None = None, **more: Any) -> list[Record]:
    return SweepAnswer(runs, "memory", settings or SweepSettings(), **more).records(kinds)


def note_of(records: Sequence[Record]) -> str:
    assert isinstance(records[-4], Note)
    return records[-4].markdown


def tables(records: Sequence[Record]) -> dict[str, Sequence[Any]]:
    return {record.name: record.rows for record in records if isinstance(record, Table)}


def test_the_summary_has_a_row_for_each_job(client: MemoryClient) -> None:
    runs = [child(client, 2, loss=4.0), child(client, 1, status="KILLED", reason="interrupted")]
    waiting = job(x=3, number=3)
    records = answer(runs, not_started=[waiting])
    first, second, third = tables(records)["summary"]
    assert first == {
        "job": 1,
        "name": "x=1",
        "status": "KILLED",
        "reason": "interrupted",
        "seconds": 1.0,
        "device.actual": "",
        "experiment.x": "1",
        "fingerprint": "toy1-machine",
        "run_id": runs[1].info.run_id,
    }
    assert (second["job"], second["loss"], second["reason"]) == (2, 4.0, "")
    assert third == {"job": 3, "name": "x=3", "status": "not started"}
    note = note_of(records)
    assert note.startswith("**3 jobs**: 1 KILLED, 1 FINISHED, 1 not started.")
    assert "- x=1 KILLED: interrupted" in note
    counts = {record.name: record.value for record in records if isinstance(record, MetricRecord)}
    assert counts == {"jobs/finished": 1, "jobs/failed": 0, "jobs/killed": 1}
    assert File("answer.md", note.encode()) in records


def test_jobs_side_by_side_are_told(client: MemoryClient) -> None:
    assert note_of(answer([child(client, 1)], at_a_time=4)) == "**1 job**, 4 at a time: 1 FINISHED."


@pytest.mark.parametrize(
    ("turns", "is_told"), [(["a.0.1 a.0.2", "b.0.1 b.0.2"], True), (["a.0.1 a.0.2"] * 2, False), (["", ""], False)]
)
def test_timings_that_did_not_take_turns_are_told(client: MemoryClient, turns: Sequence[str], is_told: bool) -> None:
    runs = [child(client, x) for x in (1, 2)]
    for run, of_run in zip(runs, turns, strict=True):
        client.set_tag(run.info.run_id, tags.TURNS, of_run)
    again = [client.get_run(run.info.run_id) for run in runs]
    assert ("did not take turns" in note_of(answer(again))) == is_told


def test_jobs_beside_busy_programs_are_told(client: MemoryClient) -> None:
    runs = [child(client, x) for x in (1, 2)]
    for run, share in zip(runs, (0.02, 0.34), strict=True):
        client.log_batch(run.info.run_id, metrics=[Metric("disturbance/others_share", share, 0, 0)])
    again = [client.get_run(run.info.run_id) for run in runs]
    told = "Other programs took up to 34% of the machine beside 1 of 2 jobs: their times may be longer for it."
    assert told in note_of(answer(again))


def test_reasons_are_gathered(client: MemoryClient) -> None:
    runs = [child(client, x, status="FAILED", reason="no GPU") for x in range(7)]
    runs += [child(client, x, status="FAILED", reason=f"reason {x}") for x in range(10, 20)]
    lines = note_of(answer(runs)).splitlines()
    assert lines[2] == "- x=0, x=1, x=2, x=3, x=4 and 2 more FAILED: no GPU"
    assert lines[-1] == "- and 1 more reasons; summary.csv has all"


@pytest.mark.parametrize(("direction", "best"), [("minimize", "**x=1** with 1."), ("maximize", "**x=3** with 9.")])
def test_the_best_job(client: MemoryClient, direction: str, best: str) -> None:
    runs = [child(client, x, loss=x * x) for x in (1, 2, 3)] + [child(client, 4, loss=0, status="FAILED")]
    settings = SweepSettings(metric="loss", direction=direction)
    assert f"Best by loss ({direction}): {best}" in note_of(answer(runs, settings=settings))


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("time", "sweep.metric: no FINISHED job has a metric time; they have loss."),
        (["loss", "los"], "sweep.metric: no FINISHED job has a metric los; they have loss."),
        ("loss", "sweep.metric: no FINISHED job has a finite value of loss."),
    ],
)
def test_no_job_can_be_the_best(client: MemoryClient, metric: str | list[str], says: str) -> None:
    for x in (1, 2):
        client.set_tag(child(client, x, loss=1).info.run_id, tags.NOT_FINITE, "loss")
    runs = client.runs()
    direction = ["minimize", "minimize"] if isinstance(metric, list) else "minimize"
    assert says in note_of(answer(runs, settings=SweepSettings(metric=metric, direction=direction)))


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([1, 1, 2], "**x=0** and **x=1** with 1 each."),
        ([math.nan, 2, 3], "**x=1** with 2."),
        ([math.inf, -math.inf, 3], "**x=2** with 3."),
        ([-0.0, 1], "**x=0** with 0."),
    ],
)
def test_the_best_of_equals_and_of_nan(client: MemoryClient, losses: list[float], best: str) -> None:
    runs = [child(client, x, loss=loss) for x, loss in enumerate(losses)]
    settings = SweepSettings(metric="loss", direction="minimize")
    assert f"Best by loss (minimize): {best}" in note_of(answer(runs, settings=settings))


def test_a_figure_that_cannot_be_drawn_leaves_the_answer(client: MemoryClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "effects_figure", lambda by_key: 1 / 0)
    records = answer([child(client, x, loss=x, kind="comparing") for x in (1, 2)], Comparing)
    note = note_of(records)
    assert "Not drawn: plots/effects.png (ZeroDivisionError: division by zero; plots/effects.txt)." in note
    assert "2 jobs compared" in note
    assert "Effect of each swept key on loss" in note
    assert {record.path for record in records if isinstance(record, File)} == {"answer.md", "plots/effects.txt"}


def test_the_experiment_compares_and_swept_keys_have_effects(client: MemoryClient) -> None:
    records = answer([child(client, x, loss=x, kind="comparing") for x in (1, 2)], Comparing)
    assert tables(records)["comparison"] == [{"name": "x=1"}, {"name": "x=2"}]
    assert [row["key"] for row in tables(records)["effects"]] == ["experiment.x"] * 2
    note = note_of(records)
    assert "2 jobs compared" in note
    assert "Effect of each swept key on loss" in note


def test_a_single_job_is_not_compared(client: MemoryClient) -> None:
    assert list(tables(answer([child(client, 1, kind="comparing")], Comparing))) == ["summary"]


def test_a_comparison_that_crashes_leaves_the_rest_of_the_answer(client: MemoryClient) -> None:
    records = answer([child(client, x, loss=x, kind="crashing") for x in (1, 2)], Crashing)
    assert "The comparison of crashing crashed; traceback.txt says where." in note_of(records)
    (trace,) = [record for record in records if isinstance(record, File) and record.path == "traceback.txt"]
    assert b"ZeroDivisionError: told to" in trace.content
    assert "effects" in tables(records)


def test_several_experiments_do_not_meet(client: MemoryClient) -> None:
    runs = [child(client, x, loss=x, kind=kind) for kind in ("comparing", "toy") for x in (1, 2)]
    found = tables(answer(runs, Comparing, Toy))
    assert set(found) == {"summary", "comparing/comparison", "comparing/effects", "toy/effects"}


def test_all_finished_counts_what_still_counts(client: MemoryClient) -> None:
    """What a search's earlier command was killed at is not tried again."""

    def all_finished(runs: Sequence[Run], **more: Any) -> bool:
        return SweepAnswer(runs, "memory", SweepSettings(), **more).all_finished

    asked = job(x=1)
    killed = child(client, 2, status="KILLED")
    assert all_finished([child(client, 1), killed])
    assert not all_finished([child(client, 1), child(client, 3, status="FAILED")])
    assert not all_finished([child(client, 1)], not_started=[asked])
    own = client.create_run("1", 0, {tags.FINGERPRINT: f"{asked.question_hash}-machine"}, "")
    client.set_terminated(own.info.run_id, "KILLED")
    assert not all_finished([client.get_run(own.info.run_id)], jobs=[asked])


def test_the_recorder_of_an_answer() -> None:
    recorder = AnswerRecorder("toy/")
    recorder.table("a", [{"b": 1}])
    recorder.note("first")
    recorder.note("second")
    assert recorder.take_note() == "second"
    assert recorder.take_note() == ""
    assert recorder.rest() == [Table("toy/a", [{"b": 1}])]
    assert recorder.once("peak", lambda: 7) == 7
    assert recorder.settled("execution", lambda: "graph") == "graph"
    assert recorder.earlier() is None
    with pytest.raises(LookupError, match="not from a model"):
        recorder.fetch("latest")


def test_the_table_at_the_end() -> None:
    end = JobEnd(
        "FAILED", "a reason that is much longer than what fits into a line of a terminal, at any rate", None, 2.345
    )
    rows = list(csv.reader(io.StringIO(job_table([(job(x=1), end), (job(x=2, number=1), None)])), delimiter="|"))
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert cells[0] == ["job", "what", "status", "seconds", "why"]
    assert cells[2] == ["0", "x=1", "FAILED", "2.3", "a reason that is much longer than what fits into a line ..."]
    assert cells[3] == ["1", "x=2", "not started", "", ""]
