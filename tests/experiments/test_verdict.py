"""How often a verdict is wrong, and how often it finds what is there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import stdtrit

from experiments.measure.between import interval_between, t_95
from experiments.measure.log_ratio import verdicts
from experiments.measure.verdict import (
    MOST_PROCESSES,
    Difference,
    TimeRatio,
    Verdict,
    difference,
    tell_apart,
    time_ratio,
    what_decides,
)

PROCESSES, SPREAD, DRIFT = 5, 0.01, 0.05
"""Each process is off by 1 %, and both of a pair by 5 % more, as the machine drifts."""


def pairs(count: int, ratio: float, seed: int = 0) -> list[tuple[list[float], list[float]]]:
    """The levels of ``count`` comparisons of a call that takes ``ratio`` times as long as the other."""
    generator = np.random.default_rng(seed)
    own = generator.normal(scale=SPREAD, size=(count, 2, PROCESSES))
    machine = np.cumsum(generator.normal(scale=DRIFT, size=(count, 1, PROCESSES)), axis=2)
    levels = np.exp(own + machine) * np.array([ratio, 1.0])[:, None]
    return [(first.tolist(), second.tolist()) for first, second in levels]


def alone(ratio: float) -> list[Verdict]:
    """The verdicts on 400 comparisons, each made alone."""
    return [verdicts([time_ratio(*pair)])[0] for pair in pairs(400, ratio)]


@pytest.mark.parametrize("freedom", [*range(1, 32), 40, 60, 120, 1000])
def test_students_t_is_that_of_scipy(freedom):
    assert t_95(freedom) == pytest.approx(stdtrit(freedom, 0.975), abs=1e-3)


def test_the_interval_between_processes_is_that_of_scipy():
    levels = [1.0, 1.1, 0.9, 1.02]
    logs = np.log(levels)
    expected = stats.t.interval(0.95, 3, np.mean(logs), stats.sem(logs))
    assert np.log(interval_between(levels)) == pytest.approx(expected, rel=1e-4)
    assert all(math.isnan(end) for end in interval_between([1.0]))


def test_equals_are_called_different_in_at_most_5_percent():
    found = alone(1.0)
    assert sum(verdict in (Verdict.FASTER, Verdict.SLOWER) for verdict in found) / len(found) < 0.08  # 5 % + 3 sigma


@pytest.mark.parametrize(("ratio", "verdict"), [(1.05, Verdict.SLOWER), (1 / 1.05, Verdict.FASTER)])
def test_a_difference_of_5_percent_is_found(ratio, verdict):
    found = alone(ratio)
    assert found.count(verdict) / len(found) > 0.9


def test_a_difference_beyond_the_margin_is_the_same_in_at_most_5_percent():
    found = alone(1.0201)
    assert found.count(Verdict.SAME) / len(found) < 0.08


def test_of_many_equals_at_once_any_is_called_different_in_at_most_5_percent():
    families = [[time_ratio(*pair) for pair in pairs(20, 1.0, seed)] for seed in range(200)]
    wrong = [any(one in (Verdict.FASTER, Verdict.SLOWER) for one in verdicts(family)) for family in families]
    assert np.mean(wrong) < 0.1  # 5 % + 3 sigma


def test_equals_without_noise_are_the_same():
    assert verdicts([time_ratio([1.0, 2.0], [1.0, 2.0])]) == [Verdict.SAME]


def test_unsure_says_how_many_processes_would_decide():
    ratio = time_ratio([1.0, 1.1, 1.05], [1.0, 1.0, 1.0])
    assert verdicts([ratio]) == [Verdict.UNSURE]
    more = ratio.processes_among(1)
    assert t_95(more - 1) * ratio.deviation / math.sqrt(more) < max(abs(math.log(ratio.value)), math.log(1.02))


def test_nobody_is_told_to_take_hundreds_of_processes():
    noisy = time_ratio([1.0, 1.2, 0.85], [1.0, 1.0, 1.0])
    assert what_decides(noisy.processes_among(20)) == "100 processes would hardly decide it"
    assert what_decides(7) == "experiment.timing.processes=7 may decide it"


def test_replicates_need_fewer_processes_each_but_no_fewer_where_no_number_would_do():
    ratio = TimeRatio(1.01, 0.08, pairs=25)
    alone = ratio.processes_among(1)
    assert alone > MOST_PROCESSES
    each = replace(ratio, pairs=125).processes_among(1, jobs=25)
    assert 5 < each < 20
    assert t_95(25 * each - 1) * 0.08 / math.sqrt(25 * each) < math.log(1.01)
    assert TimeRatio(1.001, 1.0, pairs=20).processes_among(1, jobs=4) > MOST_PROCESSES


def test_differences_are_told_apart_as_by_scipy():
    generator = np.random.default_rng(0)
    for _ in range(50):
        first, second = generator.normal(0.3, 0.3, 6), generator.normal(0, 0.3, 6)
        found = difference(first.tolist(), second.tolist())
        expected = stats.ttest_rel(first, second)
        assert tell_apart([found]) == [expected.pvalue < 0.05]
        assert found.interval == pytest.approx(tuple(expected.confidence_interval()), rel=1e-3)


@pytest.mark.parametrize(("pairs", "apart"), [(5, False), (6, True)])
def test_equal_differences_count_by_their_signs(pairs, apart):
    assert tell_apart([difference([0.3, 0.2] * 3, [0.2, 0.1] * 3)]) == [True]
    assert tell_apart([Difference(0.1, 0.0, pairs)]) == [apart]
    assert tell_apart([Difference(0.0, 0.0, pairs)]) == [False]


def test_what_else_was_looked_at_makes_a_difference_less_certain():
    one = Difference(0.1, 0.07, 5)  # p = 0.033
    assert tell_apart([one]) == [True]
    assert tell_apart([one], among=3) == [False]


def test_the_best_of_equals_is_told_apart_in_at_most_5_percent():
    generator = np.random.default_rng(0)
    wrong = []
    for _ in range(500):
        best, *others = sorted(generator.normal(size=(3, 5)).tolist(), key=np.median)
        wrong.append(any(tell_apart([difference(one, best) for one in others], among=3)))
    assert np.mean(wrong) < 0.08  # 5 % + 3 sigma; with among=2 it is more
