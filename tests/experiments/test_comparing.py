"""What the comparisons of several experiments share."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from experiments.gradient_cost import GradientCost
from experiments.job_result import JobResult
from experiments.operators import Operators
from experiments.series.comparing import common_setting, cut_short, listing, measured_rows, on_turns, without_result
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
    assert listing("no curve from", ["a", "b"], most=2) == ["no curve from: a and b"]
    assert listing("no curve from", ["a", "b", "c"], most=2) == ["no curve from: a and 2 more"]
    assert listing("no curve from", [], most=2) == []


def trained(metric: str = "best/val_accuracy", **scores) -> list[JobResult]:
    """Trainings by the name of their model, each with its score, or with one for each seed."""
    return [
        JobResult(name, "FINISHED", {"model": name} | seed, {}, "CPU:0", {metric: score}, lambda table: [])
        for name, given in scores.items()
        for seed, score in (
            [({}, given)] if isinstance(given, float) else [({"seed": f"{n}"}, s) for n, s in given.items()]
        )
    ]


METRICS = ("best/val_accuracy", "test/accuracy")


def by_seed(*scores: float) -> dict[int, float]:
    return dict(enumerate(scores))


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        (
            {"mlp": 0.5, "cnn": 0.75},
            "Highest validation accuracy: model=cnn, 0.75. With one seed each, differences may be luck",
        ),
        ({"mlp": 0.75, "cnn": 0.75}, "Highest validation accuracy: model=mlp and model=cnn, 0.75 each. With one seed"),
        ({"mlp": math.nan, "cnn": 0.5, "lstm": 0.25}, "Highest validation accuracy: model=cnn, 0.5. With"),
        ({"mlp": -0.0, "cnn": -1.0}, "Highest validation accuracy: model=mlp, 0. With"),
    ],
)
def test_the_best_training_of_equals_and_of_nan(scores, best, recorder):
    Training.compare(trained(**scores), recorder)
    assert recorder.notes[-1].startswith(best)
    assert len(recorder.tables["settings"]) == sum(map(math.isfinite, scores.values()))


LUCKY = by_seed(0.5, 0.9, 0.6, 0.8, 0.7)
"""Scores that depend on the seed more than on anything else."""


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        # the ranges overlap, but seed by seed one is always better
        (
            {"a": LUCKY, "b": {n: score - 0.05 + 0.001 * (n % 3) for n, score in LUCKY.items()}},
            "Best validation accuracy: model=a, 0.7 in the median of 5 seeds (0.5 to 0.9). All others are worse for "
            "certain.",
        ),
        (
            {"a": LUCKY, "b": by_seed(0.9, 0.5, 0.8, 0.6, 0.65)},
            "Highest validation accuracy: model=a, 0.7 in the median of 5 seeds",
        ),
        ({"a": LUCKY, "b": by_seed(0.9, 0.5, 0.8, 0.6, 0.65)}, "None of the others can be told apart from it"),
        (
            {"a": LUCKY, "b": by_seed(0.9, 0.5, 0.8, 0.6, 0.65), "c": by_seed(0.11, 0.5, 0.2, 0.4, 0.3)},
            "It cannot be told apart from model=b; more seeds may decide it.",
        ),
        # the same difference three times may be the resolution of a small test set
        ({"a": by_seed(0.9, 0.9, 0.9), "b": by_seed(0.8, 0.8, 0.8)}, "None of the others can be told apart from it"),
        # no seed in common
        ({"a": by_seed(0.9, 0.8), "b": {7: 0.4, 8: 0.3}}, "None of the others can be told apart from it"),
        ({"a": LUCKY}, "Validation accuracy of all jobs: 0.7 in the median of 5 seeds (0.5 to 0.9)."),
    ],
)
def test_trainings_are_told_apart_seed_by_seed(scores, words, recorder):
    jobs = trained(**scores)
    if len(scores) == 1:
        jobs = [JobResult(j.name, j.status, {"seed": j.swept["seed"]}, {}, "CPU:0", j.metrics, j.table) for j in jobs]
    Training.compare(jobs, recorder)
    assert words in recorder.notes[-1]
    assert len(recorder.tables["settings"]) == len(scores)


def test_the_lowest_error_is_the_best(recorder):
    Training.compare(trained("best/val_loss", a=LUCKY, b={n: 2 * score for n, score in LUCKY.items()}), recorder)
    assert recorder.notes[-1].startswith("Best validation loss: model=a, 0.7")
    assert float(recorder.tables["settings"][1]["difference"]) == pytest.approx(0.7)


def test_what_is_better_seed_by_seed_is_not_worse(recorder):
    """The first has the better median, the second is better with four seeds of five."""
    first, second = (0.1, 0.2, 0.5, 0.8, 0.9), (0.15, 0.25, 0.499, 0.85, 0.95)
    scores = {name: dict(enumerate(values)) for name, values in (("a", first), ("b", second))}
    Training.compare(trained(**scores), recorder)
    assert "Seed by seed model=b is better for certain, though its median is not." in recorder.notes[-1]
    assert recorder.tables["settings"][1]["worse_for_certain"] == "False"


def test_regressions_are_not_ranked_by_losses_of_different_kinds(recorder):
    jobs = [
        JobResult(
            f"{loss} {seed}", "FINISHED", {"loss": loss, "seed": f"{seed}"}, {}, "CPU:0",
            {"best/val_loss": small, "best/val_rmse": 50.0 + seed}, lambda table: [],
        )
        for loss, small in (("standard", 1.0), ("huber", 0.5))
        for seed in range(5)
    ]  # fmt: skip
    Training.compare(jobs, recorder)
    assert "loss=standard and loss=huber, 52 each" in recorder.notes[-1]
    assert "for certain" not in recorder.notes[-1]


def test_the_test_set_does_not_choose(recorder):
    """The first is better in validation and worse in the test: it is named, and its test beside it."""
    scores = {"a": (0.9, 0.5), "b": (0.8, 0.6)}
    jobs = [
        JobResult(name, "FINISHED", {"model": name}, {}, "CPU:0", dict(zip(METRICS, pair, strict=True)), lambda _: [])
        for name, pair in scores.items()
    ]
    Training.compare(jobs, recorder)
    assert recorder.notes[-1].startswith("Highest validation accuracy: model=a, 0.9.")
    assert [row["test/accuracy"] for row in recorder.tables["settings"]] == [0.5, 0.6]


def operated(
    swept: str,
    processes: int = 5,
    noise: float = 0.001,
    status: str = "FINISHED",
    session: str = "a",
    **microseconds: float,
):
    """A job such as ``mode=graph seed=3``, with the time of each operator; a process is off by ``noise``.

    Jobs of one session took turns.
    """
    generator = np.random.default_rng(sum(swept.encode()))
    rows, samples = [], []
    for operator, us in microseconds.items():
        levels = us * np.exp(noise * generator.standard_normal(processes))
        middle = np.exp(np.mean(np.log(levels)))
        rows.append({"operator": operator, "status": "measured"} | dict.fromkeys(TIMES, f"{middle}"))
        samples += [
            {"operator": operator, "call": call, "process": f"{n}", "calls": "10", "seconds": f"{level * 1e-5}"}
            for call in ("forward", "forward_backward")
            for n, level in enumerate(levels)
        ]
    values = dict(word.split("=") for word in swept.split(" "))
    name = " ".join(value if value.isalpha() else f"{key}={value}" for key, value in values.items())
    tables = {"results": rows, "samples": samples}
    turns = [f"{session}.0.{n}" for n in range(processes)]
    return JobResult(name, status, values, {}, "CPU:0", {}, lambda table: tables.get(table, []), turns)


TIMES = ("forward_us", "forward_backward_us")


@pytest.mark.parametrize(
    ("relu", "gelu", "how", "words"),
    [
        (
            2,
            5,
            {},
            "2 of 2 differ for certain; the extremes are relu with graph (2.00x) and gelu with graph (0.80x).",
        ),
        (2, 2, {"noise": 0.0}, "All are 2.00x as fast."),
        (math.nan, 2, {}, "All are 2.00x as fast."),
        (2, 4, {}, "1 of 2 differ for certain: relu with graph (2.00x)."),
        (4, 4, {}, "All take the same time, within 2%."),
        (3.9, 4, {"noise": 0.1}, "No operator's time differs for certain; experiment.timing.processes="),
        (
            2,
            5,
            {"processes": 1},
            "One process each gives no verdict: another one may be off by more than they differ, and",
        ),
    ],
)
def test_the_operators_that_gain_most(relu, gelu, how, words, recorder):
    jobs = [operated("mode=eager", relu=4, gelu=4, **how), operated("mode=graph", relu=relu, gelu=gelu, **how)]
    Operators.compare(jobs, recorder)
    assert words in recorder.notes[-1]
    assert ("extremes" in recorder.notes[-1]) == ("extremes" in words)


def test_seeds_are_replicates_and_no_race(recorder):
    Operators.compare([operated(f"seed={n}", noise=0.2, relu=4, gelu=5) for n in range(10)], recorder)
    note = recorder.notes[-1]
    assert "differ in their seed alone are replicates" in note
    assert not any(word in note for word in ("extreme", "seed=", "faster", "slower", "x)"))
    (gelu, relu) = recorder.tables["comparison"]
    assert (gelu["operator"], gelu["jobs"], gelu["job"]) == ("gelu", 10, "all jobs")
    assert relu["forward_us"] == pytest.approx(4, rel=0.1)
    assert relu["forward_ci_low_us"] < 4 < relu["forward_ci_high_us"]
    assert relu["forward_ci_high_us"] / relu["forward_ci_low_us"] == pytest.approx(
        math.exp(2 * 2 * 0.2 / 50**0.5), rel=0.1
    )
    assert not recorder.figures


def test_a_time_and_its_interval_are_of_the_same_processes(recorder):
    """The second job was cut short: its processes count no more than the others."""
    Operators.compare([operated("seed=0", relu=4.0), operated("seed=1", processes=2, relu=8.0)], recorder)
    (row,) = recorder.tables["comparison"]
    assert row["forward_us"] == pytest.approx(4.0 * 2 ** (2 / 7), rel=0.01)
    assert row["forward_us"] == pytest.approx(math.sqrt(row["forward_ci_low_us"] * row["forward_ci_high_us"]))


def test_seeds_are_not_told_to_take_a_share_of_processes_without_number(recorder):
    """What no number of processes would decide, a fourth of it does not either; noise hides the difference."""
    times = {"eager": 4.0, "graph": 2.9}
    jobs = [operated(f"mode={mode} seed={n}", noise=0.8, relu=time) for mode, time in times.items() for n in range(4)]
    Operators.compare(jobs, recorder)
    assert "100 processes would hardly decide it for relu" in recorder.notes[-1]


def test_groups_of_seeds_are_compared_seed_by_seed(recorder):
    """One job has failed; the others are paired all the same."""
    jobs = [
        operated(f"mode={mode} seed={n}", processes=2, relu=time * (n + 1), gelu=time * (n + 1))
        for mode, time in (("eager", 4.0), ("graph", 3.0))
        for n in range(4)
        if (mode, n) != ("eager", 2)
    ]
    Operators.compare(jobs, recorder)
    rows = {(row["operator"], row["job"]): row for row in recorder.tables["comparison"]}
    assert set(rows) == {(name, mode) for name in ("relu", "gelu") for mode in ("eager", "graph")}
    found = rows["relu", "graph"]
    assert found["forward_verdict"] == found["forward_backward_verdict"] == "faster"
    assert found["forward_speedup"] == pytest.approx(4 / 3, rel=0.01)
    assert found["forward_speedup_low"] < 4 / 3 < found["forward_speedup_high"] < 1.4


def test_jobs_of_one_process_each_take_no_turns(recorder):
    """However many seeds there are: the machine may have drifted while the first mode had its seeds."""
    jobs = [
        operated(f"mode={mode} seed={n}", processes=1, relu=time)
        for mode, time in (("eager", 4.0), ("graph", 3.0))
        for n in range(10)
    ]
    Operators.compare(jobs, recorder)
    assert "One process each gives no verdict" in recorder.notes[-1]
    assert "(1.33x)" in recorder.notes[-1]
    assert [row["forward_verdict"] for row in recorder.tables["comparison"]] == [None, None]


@pytest.mark.parametrize(
    ("time", "session", "verdict"),
    [(3.8, "a", "faster"), (3.8, "b", "unsure"), (3.0, "b", "faster")],
)
def test_without_turns_only_a_large_difference_counts(time, session, verdict, recorder):
    """The second job ran on another machine, or in another command: it may be 10 % off for that."""
    jobs = [operated("mode=eager", relu=4.0), operated("mode=graph", session=session, relu=time)]
    Operators.compare(jobs, recorder)
    assert recorder.tables["comparison"][1]["forward_verdict"] == verdict


@pytest.mark.parametrize(
    ("sessions", "words"),
    [("aaa", ""), ("aab", "Not all jobs took turns"), ("abc", "The jobs did not take turns")],
)
def test_jobs_that_did_not_take_turns_are_told(sessions, words):
    jobs = [operated(f"mode=m{n} seed=1", session=session, relu=4.0) for n, session in enumerate(sessions)]
    assert on_turns(jobs).startswith(words)
    assert bool(on_turns(jobs)) == bool(words)
    assert on_turns([operated("mode=eager", processes=1, relu=4.0, session=session) for session in sessions]) == ""
    assert on_turns([operated(f"seed={n}", relu=4.0, session=session) for n, session in enumerate(sessions)]) == ""


def test_verdicts_are_corrected_for_all_operators(recorder):
    """Of 200 operators that take the same time, 5 % would differ if each was looked at alone."""
    same = {f"op{n}": 4.0 for n in range(200)}
    Operators.compare([operated("mode=eager", noise=0.1, **same), operated("mode=graph", noise=0.1, **same)], recorder)
    assert "No operator's time differs for certain" in recorder.notes[-1]


def test_the_largest_ratio_of_equals_and_of_nan(recorder):
    ratios = ["3.0", "", "3.0", "2.0"]
    rows = [
        {"n": f"{n}", "status": "measured", "ratio": ratio, "ratio_low": "", "ratio_high": ""}
        for n, ratio in enumerate(ratios, start=1)
    ]
    GradientCost.compare([JobResult("gmm", "FINISHED", {}, {}, "CPU:0", {}, {"results": rows}.get)], recorder)
    (line,) = (line for line in recorder.notes[-1].splitlines() if line.startswith("| gmm"))
    assert [cell.strip() for cell in line.split("|")[2:6]] == ["2.00", "3.00", "1 and 3", "2.00"]


@pytest.mark.parametrize(
    ("low", "high", "sizes", "processes", "words"),
    [
        (5.5, 6.6, 1, 5, "1 of them exceed the theoretical bound of about 5 for certain at some size: gmm."),
        (5.1, 7.1, 1, 5, "1 of them exceed the theoretical bound of about 5 for certain at some size: gmm."),
        (5.1, 7.1, 20, 5, "0 of them exceed the theoretical bound of about 5 for certain at some size."),
        (
            5.5,
            6.6,
            1,
            1,
            "0 of them exceed the theoretical bound of about 5 for certain at some size. "
            "Above it, but of one process only: gmm.",
        ),
    ],
)
def test_the_bound_is_exceeded_for_certain_over_all_sizes(low, high, sizes, processes, words, recorder):
    ends = {"ratio": f"{math.sqrt(low * high)}", "ratio_low": f"{low}", "ratio_high": f"{high}"}
    rows = [
        {"n": f"{n}", "status": "measured", "function_processes": f"{processes}"} | ends for n in range(1, sizes + 1)
    ]
    GradientCost.compare([JobResult("gmm", "FINISHED", {}, {}, "CPU:0", {}, {"results": rows}.get)], recorder)
    assert words in recorder.notes[-1]


def test_sizes_that_may_have_the_largest_ratio_are_all_named(recorder):
    found = {1: (2.0, 1.9, 2.1), 10: (3.0, 2.5, 3.5), 100: (2.8, 2.7, 2.9), 1000: (2.4, 2.3, 2.45)}
    rows = [
        {"n": f"{n}", "status": "measured", "ratio": f"{value}", "ratio_low": f"{low}", "ratio_high": f"{high}"}
        for n, (value, low, high) in found.items()
    ]
    GradientCost.compare([JobResult("gmm", "FINISHED", {}, {}, "CPU:0", {}, {"results": rows}.get)], recorder)
    assert "10 and 100" in recorder.notes[-1]
