"""What the comparisons of several experiments share."""

import math
from dataclasses import dataclass

import pytest

from experiments.gradient_cost import GradientCost
from experiments.job_result import JobResult
from experiments.operators import Operators
from experiments.series.comparing import common_setting, cut_short, listing, measured_rows, without_result
from experiments.training import Training


@dataclass(frozen=True)
class Curve:
    job: JobResult


def job(name, status="FINISHED", rows=(), **config):
    config = {f"experiment.{key}": value for key, value in config.items()}
    return JobResult(name, status, {}, config, "CPU:0", {}, lambda table: list(rows) if table == "results" else [])


def test_rows_that_were_not_measured_are_left_out():
    rows = [{"n": "1", "status": "measured"}, {"n": "2", "status": "not measured: larger than memory"}]
    assert measured_rows(job("one", rows=rows)) == rows[:1]
    assert measured_rows(job("none")) == []


def test_the_setting_is_what_all_jobs_agree_in():
    jobs = [job("a", dtype="float32", mode="eager"), job("b", dtype="float32", mode="graph")]
    assert common_setting(jobs) == "float32"
    assert common_setting(jobs[:1]) == "float32, eager"
    assert common_setting([*jobs, job("c")]) == common_setting([]) == ""


def test_jobs_without_a_result_and_unfinished_ones_are_told_apart():
    jobs = [job("done"), job("stopped", "KILLED"), job("broken", "FAILED")]
    compared = [Curve(one) for one in jobs[:2]]
    assert without_result(jobs, compared) == ["broken (FAILED)"]
    assert cut_short(compared) == ["stopped (KILLED)"]


def test_two_jobs_that_look_the_same_are_two():
    first, second = job("twin"), job("twin")
    assert without_result([first, second], [Curve(first)]) == ["twin (FINISHED)"]


def test_a_listing_of_nothing_is_no_paragraph():
    assert listing("no curve from", ["a", "b"]) == ["no curve from: a, b"]
    assert listing("no curve from", []) == []


def trained(**scores: float) -> list[JobResult]:
    """Trainings by the name of their model, each with its score."""
    return [
        JobResult(name, "FINISHED", {"model": name}, {}, "CPU:0", {"test/accuracy": score}, lambda table: [])
        for name, score in scores.items()
    ]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ({"mlp": 0.5, "cnn": 0.75}, "Best accuracy: model=cnn, 0.75. With one seed each, differences may be luck"),
        ({"mlp": 0.75, "cnn": 0.75}, "Best accuracy: model=mlp and model=cnn, 0.75 each."),
        ({"mlp": math.nan, "cnn": 0.5, "lstm": 0.25}, "Best accuracy: model=cnn, 0.5. With"),
        ({"mlp": -0.0, "cnn": -1.0}, "Best accuracy: model=mlp, 0. With"),
    ],
)
def test_the_best_training_of_equals_and_of_nan(scores, best, recorder):
    Training.compare(trained(**scores), recorder)
    assert recorder.notes[-1].startswith(best)
    assert len(recorder.tables["settings"]) == sum(map(math.isfinite, scores.values()))


def operated(name: str, **microseconds: float) -> JobResult:
    rows = [
        {"operator": operator, "status": "measured", "forward_us": "1", "forward_backward_us": f"{us}"}
        for operator, us in microseconds.items()
    ]
    return JobResult(name, "FINISHED", {"mode": name}, {}, "CPU:0", {}, {"results": rows}.get)


@pytest.mark.parametrize(
    ("relu", "gelu", "words"),
    [
        (2, 5, "The extremes are relu with graph (2.00x) and gelu with graph (0.80x)."),
        (2, 2, "All are 2.00x as fast."),
        (math.nan, 2, "All are 2.00x as fast."),
    ],
)
def test_the_operators_that_gain_most(relu, gelu, words, recorder):
    Operators.compare([operated("eager", relu=4, gelu=4), operated("graph", relu=relu, gelu=gelu)], recorder)
    assert words in recorder.notes[-1]


def test_the_largest_ratio_of_equals_and_of_nan(recorder):
    ratios = ["3.0", "", "3.0", "2.0"]
    rows = [
        {"n": f"{n}", "status": "measured", "ratio": ratio, "ratio_low": "", "ratio_high": ""}
        for n, ratio in enumerate(ratios, start=1)
    ]
    GradientCost.compare([JobResult("gmm", "FINISHED", {}, {}, "CPU:0", {}, {"results": rows}.get)], recorder)
    (line,) = (line for line in recorder.notes[-1].splitlines() if line.startswith("| gmm"))
    assert [cell.strip() for cell in line.split("|")[2:6]] == ["2.00", "3.00", "1 and 3", "2.00"]
