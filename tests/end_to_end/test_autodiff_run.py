"""The textbook's derivative on the real command line, and all that it leaves."""

from __future__ import annotations

import csv

import pytest

from tests.conftest import run_command
from tests.needs import needs_graphviz
from tests.reading import artifacts, history, only_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textbook")
    done = run_command("-m", "runner", "experiment=autodiff", "device=cpu", "tracking.dir=D", cwd=folder)
    return done, folder / "D"


def rows(store, table):
    with (artifacts(store, only_run(store, "autodiff")) / f"{table}.csv").open() as file:
        return list(csv.DictReader(file))


def test_it_ends_well_and_quietly(finished):
    done, store = finished
    assert done.status == 0
    assert done.err == ""
    assert only_run(store, "autodiff").info.status == "FINISHED"


def test_the_derivative_is_ten(finished):
    _, store = finished
    run = only_run(store, "autodiff")
    for metric, value in {"derivative/w": 10.0, "exact/w": 10, "error/w": 0, "value": 27, "check/findings": 0}.items():
        assert history(store, run, metric) == {0: value}


def test_the_note_has_the_formula_and_the_table(finished):
    done, store = finished
    note = only_run(store, "autodiff").data.tags["mlflow.note.content"]
    for text in (note, done.out):
        assert "dy/dw = 2*a*w + b" in text
        assert "| derivative | TensorFlow | exact | error |" in text
        assert "| dy/dw      |         10 |    10 |     0 |" in text
        assert "Computed in 12 ways, largest error 0, no findings" in text


def test_the_tables_have_all_ways(finished):
    _, store = finished
    found = rows(store, "results")
    assert len({(row["method"], row["mode"], row["dtype"]) for row in found}) == len(found) == 12
    assert {(row["derivative"], row["exact"], row["error"]) for row in found} == {("10.0", "10.0", "0.0")}
    exact = rows(store, "truth")
    assert {row["dtype"] for row in exact} == {"float32", "float64"}
    assert {(row["variable"], row["formula"], row["point"]) for row in exact} == {("w", "2*a*w + b", "plain")}


@needs_graphviz
def test_the_pictures_and_the_graph_are_there(finished):
    _, store = finished
    folder = artifacts(store, only_run(store, "autodiff"))
    pictures = {path.name: path for path in (folder / "plots").glob("*.png")}
    assert {"step_size.png", "tangent.png", "graph.png"} <= set(pictures)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures.values())
    assert {"traced.pbtxt", "optimised.pbtxt", "graph.dot"} <= {path.name for path in (folder / "graph").iterdir()}
