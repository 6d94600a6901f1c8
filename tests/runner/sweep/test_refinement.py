"""Further jobs that an experiment asks for before the jobs of a sweep are compared."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from experiments.job_result import JobResult
from runner.execution.limits import Limits
from runner.messages import File, Outcome
from runner.sweep.isolated import Isolated
from runner.sweep.sweep import Sweep
from runner.tracking import tags
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import Toy
from tests.runner.memory_store import artifact
from tests.runner.sweep.conftest import ToyComposition, Workshop, grid

Wants = Mapping[int, Mapping[str, Any]]

COMMAND = ["experiment.x=1,2"]


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Sequence[JobResult]]]:
    """Have the toy ask for these changes, one after the other; returns what it was shown each time."""

    def asks(*rounds: Wants) -> list[Sequence[JobResult]]:
        shown: list[Sequence[JobResult]] = []
        left = list(rounds)

        def further(members: Sequence[JobResult]) -> Wants:
            shown.append(members)
            return left.pop(0) if left else {}

        monkeypatch.setattr(Toy, "further", further)
        return shown

    return asks


def measure(worker: FakeWorker) -> None:
    """Leave a table of one row."""
    worker.start()
    worker.end(Outcome.FINISHED, "", File("results.csv", f"x\n{worker.x:g}\n".encode()))


def run(workshop: Workshop, *command: str) -> Sweep:
    with workshop.sweep(*command) as sweep:
        sweep.launch(Isolated(Limits()), ToyComposition(), grid(command), 0, 0)
        sweep.refine()
    return sweep


def test_further_jobs_add_to_the_tables_of_the_first_ones(workshop: Workshop, asks: Any) -> None:
    workshop.scripts |= dict.fromkeys((1, 2, 10, 20, 30), measure)
    shown = asks({0: {"x": 10.0}, 1: {"x": 20.0}}, {1: {"x": 30.0}})
    sweep = run(workshop, *COMMAND)
    assert sweep.exit_status == 0
    tables = [[[row["x"] for row in job.table("results")] for job in members] for members in shown]
    assert tables == [[["1"], ["2"]], [["1", "10"], ["2", "20"]], [["1", "10"], ["2", "20", "30"]]]
    first, second, *further = workshop.children()
    refined = [run.data.tags[tags.REFINES] for run in further]
    assert refined == [run.data.tags[tags.FINGERPRINT] for run in (first, second, second)]
    assert [json.loads(run.data.tags[tags.OVERRIDES]) for run in further] == [
        [f"experiment.x={x}.0"] for x in (10, 20, 30)
    ]
    (parent,) = workshop.parents()
    assert parent.data.tags[tags.NOTE].startswith("**2 jobs**: 2 FINISHED. 3 more measured further sizes")
    assert len(artifact(parent, "summary.csv").splitlines()) == 6


def is_interrupted(worker: FakeWorker) -> None:
    worker.start()
    os.kill(os.getpid(), signal.SIGTERM)
    worker.end_when_interrupted()


def test_a_resumed_sweep_goes_on_from_what_was_measured_further(workshop: Workshop, asks: Any) -> None:
    workshop.scripts |= {10: measure, 20: is_interrupted}
    wants = {0: {"x": 10.0}, 1: {"x": 20.0}}
    asks(wants)
    with pytest.raises(KeyboardInterrupt):
        run(workshop, *COMMAND)
    (parent,) = workshop.parents()
    assert parent.info.status == "KILLED"
    workshop.scripts[20] = measure
    asks(wants)
    assert run(workshop, *COMMAND, "sweep.resume=true").exit_status == 0
    found = [(run.info.run_name, run.info.status) for run in workshop.children()]
    assert found[2:] == [("x=10.0 CPU", "FINISHED"), ("x=20.0 CPU", "KILLED"), ("x=20.0 CPU", "FINISHED")]


def test_the_night_between_two_commands_is_no_time_of_a_job(workshop: Workshop, asks: Any) -> None:
    workshop.scripts |= {1: measure, 2: is_interrupted}
    with pytest.raises(KeyboardInterrupt):
        run(workshop, *COMMAND)
    workshop.store.client.go_back(hours=12)
    workshop.scripts |= {2: measure, 10: measure}
    asks({0: {"x": 10.0}})
    run(workshop, *COMMAND, "sweep.resume=true")
    assert [child.info.run_name for child in workshop.children()][-1] == "x=10.0 CPU"


def test_a_further_job_that_fails_is_told_and_not_tried_again(workshop: Workshop, asks: Any) -> None:
    def refuses(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.REFUSED, "told to refuse")

    workshop.scripts[10] = refuses
    asks({0: {"x": 10.0}}, {0: {"x": 10.0}}, {0: {"x": 10.0}})
    assert run(workshop, *COMMAND).exit_status == 0
    assert len(workshop.children()) == 3
    assert "FAILED: told to refuse" in workshop.view.conclusion[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sweep.refine=false"], ""),
        (["sweep.refine_seconds=0"], "`sweep.refine_seconds=0` left open where the lead changes: 1 jobs"),
    ],
)
def test_further_jobs_can_be_left_out(workshop: Workshop, asks: Any, words: Sequence[str], says: str) -> None:
    asks({0: {"x": 10.0}})
    assert run(workshop, *COMMAND, *words).exit_status == 0
    assert len(workshop.children()) == 2
    assert says in workshop.view.conclusion[1]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_search_is_not_refined(workshop: Workshop, asks: Any, is_told: bool) -> None:
    """Its trials may all be one batch; of another's sweeper only a second batch tells."""
    asks({0: {"x": 10.0}})
    batches = [grid(COMMAND)] if is_told else [[words] for words in grid(COMMAND)]
    with workshop.sweep(*COMMAND) as sweep:
        sweep.is_search = is_told
        for number, batch in enumerate(batches):
            sweep.launch(Isolated(Limits()), ToyComposition(), batch, number, 0)
        sweep.refine()
    assert len(workshop.children()) == 2


def test_an_experiment_that_crashes_here_costs_no_answer(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "further", lambda members: 1 / 0)
    assert run(workshop, *COMMAND).exit_status == 0
    assert "ZeroDivisionError" in workshop.view.conclusion[1]
    assert workshop.parents()[0].info.status == "FINISHED"
