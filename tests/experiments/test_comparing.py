"""What the comparisons of several experiments share."""

from dataclasses import dataclass

from experiments.job_result import JobResult
from experiments.series.comparing import common_setting, cut_short, listing, measured_rows, without_result


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
