"""The jobs of a sweep read back from the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow.entities import Run

from runner.sweep.job_results import Children, job_results, lasting, number_of, question_of, seconds_of
from runner.tracking import tags
from tests.runner.jobs import job
from tests.runner.memory_store import MemoryClient


@pytest.fixture
def client(tmp_path: Path) -> MemoryClient:
    return MemoryClient(tmp_path)


def child(client: MemoryClient, number: int, *overrides: str, question: str = "", status: str = "FINISHED") -> Run:
    tagged = {
        tags.JOB: str(number),
        tags.OVERRIDES: json.dumps(overrides),
        tags.FINGERPRINT: f"{question or number}-machine",
        "device.actual": "CPU:0",
    }
    run = client.create_run("1", 1000 * number, tagged, f"run {number}")
    client.set_terminated(run.info.run_id, status, 1000 * number + 250)
    return client.get_run(run.info.run_id)


def test_facts_of_a_run(client: MemoryClient) -> None:
    run = child(client, 3, question="abc")
    assert (number_of(run), question_of(run), seconds_of(run)) == (3, "abc", 0.25)
    going = client.create_run("1", 5, {}, "")
    assert (number_of(going), question_of(going), seconds_of(going)) == (0, "", 0.0)


def test_only_the_keys_that_differ_are_swept(client: MemoryClient) -> None:
    runs = [
        child(client, 0, "experiment.x=1", "device=cpu", "sweep.resume=true"),
        child(client, 1, "experiment.x=2", "device=cpu", "+seed=3"),
    ]
    first, second = job_results(runs, "memory")
    assert first.swept == {"experiment.x": "1", "seed": ""}
    assert second.swept == {"experiment.x": "2", "seed": "3"}
    assert (first.name, second.name) == ("x=1", "x=2 seed=3")
    assert (first.status, first.device) == ("FINISHED", "CPU:0")


def test_a_single_job_is_called_as_its_run(client: MemoryClient) -> None:
    (only,) = job_results([child(client, 7, "experiment.x=1")], "memory")
    assert (only.name, only.swept) == ("run 7", {})


def test_tables_are_read_from_the_artifacts(client: MemoryClient) -> None:
    run = child(client, 0)
    Path(run.info.artifact_uri.removeprefix("file://"), "results.csv").write_text("n,status\n1,measured\n2,\n")
    (result,) = job_results([run], "memory")
    assert result.table("results") == [{"n": "1", "status": "measured"}, {"n": "2", "status": ""}]
    assert result.table("nothing") == []


def test_rows_that_a_further_run_adds_name_processes_of_their_own(client: MemoryClient) -> None:
    runs = [child(client, 0, "experiment.x=1"), child(client, 1, "experiment.x=2"), child(client, 2)]
    client.set_tag(runs[2].info.run_id, tags.REFINES, runs[1].data.tags[tags.FINGERPRINT])
    for run, turns in zip(runs, ("a.1 a.2", "a.1 a.2", "b.1 b.2"), strict=True):
        client.set_tag(run.info.run_id, tags.TURNS, turns)
        samples = Path(run.info.artifact_uri.removeprefix("file://"), "samples.csv")
        samples.write_text("n,process\n" + "".join(f"{number_of(run)},{process}\n" for process in (0, 1)))
    children = Children.of([client.get_run(run.info.run_id) for run in runs], ())
    assert [number_of(run) for run in children.runs] == [0, 1]
    first, second = children.results("memory")
    assert (first.name, second.name) == ("x=1", "x=2")
    assert [row["process"] for row in first.table("samples")] == ["0", "1"]
    assert [(row["n"], row["process"]) for row in second.table("samples")] == [
        ("1", "0"), ("1", "1"), ("2", "2"), ("2", "3")
    ]  # fmt: skip
    assert [second.turn_of(process) for process in range(4)] == ["a.1", "a.2", "b.1", "b.2"]


def numbers(runs: list[Run]) -> list[tuple[int, str]]:
    return [(number_of(run), run.info.status) for run in runs]


def test_a_job_that_was_run_again_counts_once(client: MemoryClient) -> None:
    runs = [
        child(client, 1, question="b", status="KILLED"),
        child(client, 1, question="b"),
        child(client, 0, question="a", status="FAILED"),
        child(client, 0, question="a", status="KILLED"),
    ]
    assert numbers(lasting(runs, [])) == [(0, "KILLED"), (1, "FINISHED")]


def test_what_has_finished_on_several_machines_counts_for_each(client: MemoryClient) -> None:
    runs = [
        child(client, 0, question="a"),
        child(client, 0, question="a"),
        child(client, 0, question="a", status="KILLED"),
    ]
    assert numbers(lasting(runs, [])) == [(0, "FINISHED"), (0, "FINISHED"), (0, "KILLED")]


def test_a_job_whose_config_has_changed_counts_only_as_it_is_now(client: MemoryClient) -> None:
    now = job(x=1, overrides=["experiment.x=1", "sweep.resume=true"])
    runs = [
        child(client, 0, "experiment.x=1", question="before"),
        child(client, 0, "experiment.x=1", question=now.question_hash),
        child(client, 1, "experiment.x=2", question="another"),
    ]
    assert [question_of(run) for run in lasting(runs, [now])] == [now.question_hash, "another"]
