"""One run of the real command line, and all that it leaves."""

from __future__ import annotations

import csv
import json
import math

import pytest
import yaml

from tests.conftest import QUICK, run_command
from tests.reading import artifacts, history, only_run

SIZES = [1, 10, 100, 1000]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run from another folder, without a terminal."""
    folder = tmp_path_factory.mktemp("elsewhere")
    processes = "experiment.timing.processes=2"  # an interval needs two
    words = ("experiment=matmul", "experiment.sizes=[1,10,100,1000]", "tracking.dir=D", *QUICK, processes)
    done = run_command("-m", "runner", *words, cwd=folder, fresh=True)
    return done, folder / "D"


def test_it_ends_well_and_quietly(finished):
    done, store = finished
    assert done.status == 0
    assert done.err == ""
    assert only_run(store).info.status == "FINISHED"
    assert sorted(path.name for path in store.parent.iterdir()) == ["D"]


def test_plain_lines_show_each_size_the_table_and_the_link(finished):
    done, store = finished
    for size in SIZES:
        assert f"n={size}: " in done.out
    assert "| n |" in done.out.replace("     n", " n")
    run = only_run(store)
    assert f"/runs/{run.info.run_id}?workflowType=machine_learning" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    "metric",
    [
        "time/median_us",
        "time/mean_us",
        "time/first_call_us",
        "throughput/gflops",
        "bandwidth/gbytes_per_s",
    ],
)
def test_metrics_have_the_size_as_their_step(finished, metric):
    _, store = finished
    values = history(store, only_run(store), metric)
    assert sorted(values) == SIZES
    assert all(value > 0 for value in values.values())


def test_the_interval_holds_the_median(finished):
    _, store = finished
    run = only_run(store)
    low, median, high = (history(store, run, f"time/{name}") for name in ("ci_low_us", "median_us", "ci_high_us"))
    assert low
    assert all(low[size] <= median[size] <= high[size] for size in low)


def test_tags_say_where_it_ran(finished):
    _, store = finished
    tags = only_run(store).data.tags
    assert tags["device.requested"] == "cpu"
    assert tags["device.actual"] == "CPU:0"
    question, _, machine = tags["fingerprint"].partition("-")
    assert (len(question), len(machine)) == (16, 8)
    assert "| bound by" in tags["mlflow.note.content"]


def test_parameters_are_the_config(finished):
    _, store = finished
    parameters = only_run(store).data.params
    assert parameters["experiment.sizes"] == "[1, 10, 100, 1000]"
    assert parameters["experiment.timing.max_seconds"] == "0.2"
    assert parameters["device.kind"] == "cpu"
    assert not any(name.startswith("tracking") for name in parameters)


def test_tables_hold_points_and_raw_samples(finished):
    _, store = finished
    folder = artifacts(store, only_run(store))
    with (folder / "results.csv").open() as file:
        results = list(csv.DictReader(file))
    assert [int(row["n"]) for row in results] == SIZES
    assert {row["device"] for row in results} == {"/job:localhost/replica:0/task:0/device:CPU:0"}
    with (folder / "samples.csv").open() as file:
        samples = list(csv.DictReader(file))
    for row in results:
        of_size = [sample for sample in samples if sample["n"] == row["n"]]
        assert len(of_size) == int(row["samples"])
        assert {sample["process"] for sample in of_size} == {"0", "1"}
        assert float(row["ci_low_us"]) < float(row["median_us"]) < float(row["ci_high_us"])
        assert float(row["bytes"]) == (2 * int(row["n"]) + 1) * 4
        assert math.isclose(float(row["gflops"]), int(row["flops"]) / float(row["median_us"]) / 1e3)


def test_plots_are_pictures(finished):
    _, store = finished
    plots = artifacts(store, only_run(store)) / "plots"
    names = ["throughput.png", "throughput.svg", "time.png", "time.svg"]
    assert sorted(path.name for path in plots.iterdir()) == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in plots.glob("*.png"))
    assert all(b"<svg" in path.read_bytes() for path in plots.glob("*.svg"))


def test_the_environment_is_described(finished):
    _, store = finished
    environment = json.loads((artifacts(store, only_run(store)) / "environment.json").read_text())
    assert environment["machine"]["cpu"]
    assert environment["machine"]["memory_bytes"] > 0
    assert environment["tensorflow"]["device"] == "CPU:0"
    assert environment["tensorflow"]["soft_placement"] is False
    assert environment["packages"]["tensorflow"] == environment["tensorflow"]["version"]
    assert set(environment["code"]) == {"commit", "dirty"}


def test_the_kept_config_gives_the_same_run_again(finished, tmp_path):
    _, store = finished
    run = only_run(store)
    kept = yaml.safe_load((artifacts(store, run) / "config.yaml").read_text())
    done = run_command(
        "-m", "runner", f"replay={run.info.run_id}", f"tracking.dir={store}", "--cfg=job", "--resolve", cwd=tmp_path
    )
    assert done.status == 0, done.err
    again = yaml.safe_load(done.out)
    assert {**again, "tracking": kept["tracking"]} == kept


def test_process_settings_take_effect(runner, store):
    where = ["device.logical_cpus=2", "device.index=1"]
    settings = ["device.intra_op_threads=1", "device.inter_op_threads=1", "device.onednn=false", "device.tf32=false"]
    done = runner("experiment.sizes=[8]", "experiment.mode=xla", *where, *settings, *QUICK)
    assert done.status == 0, done.err
    run = only_run(store)
    described = json.loads((artifacts(store, run) / "environment.json").read_text())["tensorflow"]
    assert (described["intra_op_threads"], described["inter_op_threads"]) == (1, 1)
    assert (described["onednn"], described["tf32"]) == ("0", False)
    assert run.data.tags["device.requested"] == "cpu:1"
    assert run.data.tags["device.actual"] == "CPU:1"
    assert run.info.run_name.startswith("sizes=[8] xla")
