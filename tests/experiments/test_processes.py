"""Experiments whose points are measured in several processes; here they all run in this one."""

from __future__ import annotations

import math

import pytest

from experiments.gradient_cost import GradientCost
from experiments.gradient_cost.workloads import LogSumExp
from experiments.matmul import Matmul
from experiments.measure import Timing
from experiments.operators import Operators
from experiments.operators.size import Size
from experiments.runtime import alternation
from experiments.runtime.alternation import Alternation
from experiments.series.measuring import Series
from experiments.testing import MemoryRecorder

THREE = Timing(processes=3, max_seconds=0.03, warmup_seconds=0.0, block_seconds=0.001, min_samples=3)
TINY = Size(batch=2, units=12, sequence=3, heads=2, vocabulary=7, side=5, channels=3, kernel=2)

EXPERIMENTS = {
    "matmul": (Matmul(sizes=[1, 10, 100], timing=THREE), "n", "time/median_us"),
    "operators": (Operators(operators=["relu", "dense"], size=TINY, timing=THREE), "operator", "time/forward_us"),
    "gradient_cost": (GradientCost(workload=LogSumExp(sizes=[5, 50]), timing=THREE), "n", "cost/ratio"),
}


@pytest.fixture(params=EXPERIMENTS)
def measured(request, on_device):
    """An experiment, the column of its keys, and one of its metrics."""
    return EXPERIMENTS[request.param]


def test_each_process_measures_each_point(measured):
    experiment, key, metric = measured
    recorder = MemoryRecorder()
    recorder.run_to_end(experiment.run)
    assert len(recorder.handed) == 2
    rows, samples = recorder.tables["results"], recorder.tables["samples"]
    assert all(math.isfinite(value) for (name, _), value in recorder.metrics.items() if name.startswith(metric))
    for row in rows:
        assert {row[column] for column in row if column.endswith("processes")} == {3}
        assert {sample["process"] for sample in samples if sample[key] == row[key]} == {0, 1, 2}
    assert recorder.notes[-1].count("follow from the spread between 3 processes") == 1


CHECKS = ["matmul.series.residual", "operators.series.errors", "gradient_cost.series.error"]


def test_first_results_are_checked_once(measured, monkeypatch):
    """A check may take longer than the measurement, and each process makes the same calls."""
    experiment, key, _ = measured
    first = MemoryRecorder()
    experiment.run(first)
    for check in CHECKS:
        monkeypatch.setattr(f"experiments.{check}", lambda *given: pytest.fail("checked again"))
    second = MemoryRecorder(handed=first.handed)
    experiment.run(second)
    before, after = ({row[key]: _error_of(row) for row in one.tables["results"]} for one in (first, second))
    assert before == after


def _error_of(row):
    return {column: value for column, value in row.items() if "error" in column or column == "residual"}


def test_metrics_wait_for_the_last_process(measured):
    experiment, _, _ = measured
    recorder = MemoryRecorder()
    experiment.run(recorder)
    assert (len(recorder.handed), recorder.metrics, recorder.figures) == (1, {}, {})
    assert recorder.tables["results"]
    assert recorder.notes


def _interrupted_in_the_second(experiment):
    """What a first process records, and a second one that Ctrl-C ends at its first visit."""
    first = MemoryRecorder()
    experiment.run(first)
    first_visit = len(first.progresses) - len(first.tables["results"]) + 1
    second = MemoryRecorder(interrupt_at=first_visit, handed=first.handed)
    with pytest.raises(KeyboardInterrupt):
        experiment.run(second)
    return first, second


def test_ctrl_c_in_a_later_process_keeps_what_the_earlier_ones_found(measured):
    experiment, _, metric = measured
    first, second = _interrupted_in_the_second(experiment)
    assert len(second.tables["results"]) == len(first.tables["results"])
    assert any(name.startswith(metric) for name, _ in second.metrics)
    assert second.figures


def test_ctrl_c_beside_others_keeps_the_tables_and_leaves_the_run_to_go_on(measured, monkeypatch):
    """The store keeps every value of a metric: a run with metrics could not go on."""
    experiment, _, _ = measured
    monkeypatch.setattr(alternation, "_present", Alternation(lambda place: 1))
    first, second = _interrupted_in_the_second(experiment)
    assert len(second.tables["results"]) == len(first.tables["results"])
    assert len(second.tables["samples"]) > len(first.tables["samples"])
    assert (second.metrics, second.figures, second.handed) == ({}, {}, first.handed)


def test_what_did_not_fit_is_not_tried_again(on_device, monkeypatch):
    monkeypatch.setattr(Series, "free_bytes", lambda series: 50_000_000)
    recorder = MemoryRecorder()
    recorder.run_to_end(Matmul(sizes=[4, 3000], shape="square", timing=THREE).run)
    fits, does_not = recorder.tables["results"]
    assert (fits["status"], fits["processes"]) == ("measured", 3)
    assert str(does_not["status"]).startswith("not measured: ")
    assert [task for task, _, _ in recorder.progresses].count("n=3000") == 1


def test_the_textbook_takes_one_process(on_device):
    recorder = MemoryRecorder()
    Matmul(sizes=[4], timing=Timing(method="textbook", processes=5)).run(recorder)
    assert not recorder.handed
    assert recorder.metrics["time/median_us", 4] > 0
