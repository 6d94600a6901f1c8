"""One run of ``operators`` from the command line, and all that it leaves."""

from __future__ import annotations

import csv

import pytest

from tests.conftest import QUICK, run_command
from tests.reading import artifacts, only_run

NAMES = {"matmul", "relu", "layer_norm"}

SMALL = [f"experiment.size.{key}={value}" for key, value in {"batch": 4, "sequence": 8, "units": 32}.items()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operators")
    chosen = f"experiment.operators=[{','.join(sorted(NAMES))}]"
    words = ["experiment=operators", chosen, *SMALL, "tracking.dir=store", *QUICK]
    done = run_command("-m", "runner", *words, cwd=folder)
    assert done.status == 0, done.err
    assert done.err == ""
    return done, only_run(folder / "store", "operators"), folder / "store"


def test_the_terminal_has_the_table(finished):
    done, run, _ = finished
    assert run.info.status == "FINISHED"
    assert "**3 of 3 operators** in float32, graph, on CPU:0" in done.out
    for name in NAMES:
        assert f"{name}: forward " in done.out
        assert f"| {name}" in done.out


def test_metrics_are_named_for_their_operator(finished):
    _, run, _ = finished
    for name in NAMES:
        for metric in ("time/forward_us", "time/forward_backward_us", "time/backward_us", "error", "gradient_error"):
            assert f"{metric}/{name}" in run.data.metrics
    assert run.data.metrics["throughput/gflops/matmul"] > 0
    assert run.data.metrics["geometric_mean/forward_us"] > 0


def test_tables_and_the_plot_are_kept(finished):
    _, run, store = finished
    folder = artifacts(store, run)
    with (folder / "results.csv").open() as file:
        rows = {row["operator"]: row for row in csv.DictReader(file)}
    assert set(rows) == NAMES
    assert rows["matmul"]["operands"] == "32x32, 32x32"
    assert [path.name for path in (folder / "plots").glob("*.png")] == ["operators.png"]
    assert (folder / "samples.csv").exists()
