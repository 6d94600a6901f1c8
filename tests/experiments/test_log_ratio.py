"""Ratios of times and their verdicts, with turns and without."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from experiments.measure.log_ratio import (
    UNKNOWN_DRIFT,
    Drift,
    LogRatio,
    decide,
    drift_between,
    of_pairs,
    of_strangers,
    slower_by_more,
)
from experiments.measure.verdict import Verdict, time_ratio

FIRST, SECOND = [1.00, 1.02, 0.99, 1.01, 1.03], [1.10, 1.13, 1.08, 1.12]


def test_without_drift_it_is_welchs_test() -> None:
    found = of_strangers(SECOND, FIRST, Drift(0.0, 99))
    truth = stats.ttest_ind(np.log(SECOND), np.log(FIRST), equal_var=False)
    assert found.mean == pytest.approx(np.mean(np.log(SECOND)) - np.mean(np.log(FIRST)))
    assert found.freedom == pytest.approx(truth.df)
    assert found.p_no_difference() == pytest.approx(truth.pvalue)
    assert np.log(found.interval) == pytest.approx(tuple(truth.confidence_interval()))


def test_pairs_have_the_paired_test() -> None:
    first, second = [1.0, 1.3, 0.9], [1.1, 1.4, 1.0]
    found = of_pairs(first, second)
    truth = stats.ttest_rel(np.log(first), np.log(second))
    assert found.p_no_difference() == pytest.approx(truth.pvalue)
    assert found.interval == pytest.approx(time_ratio(first, second).interval)


def test_a_drift_of_several_questions_is_pooled() -> None:
    levels = [[1.0, 1.1], [5.0, 5.2, 4.9], [7.0]]
    logs = [np.log(times) for times in levels[:2]]
    squares = sum(np.sum((times - times.mean()) ** 2) for times in logs)
    assert drift_between(levels) == Drift(pytest.approx(math.sqrt(squares / 3)), 3)


@pytest.mark.parametrize("levels", [[], [[1.0]], [[1.0, 1.1]], [[1.0, 1.1], [2.0]]])
def test_a_drift_of_few_runs_is_not_known(levels: list[list[float]]) -> None:
    assert drift_between(levels) is None


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (1.0, Verdict.UNSURE),
        (1.08, Verdict.UNSURE),
        (0.93, Verdict.UNSURE),
        (1.2, Verdict.SLOWER),
        (0.8, Verdict.FASTER),
    ],
)
def test_where_no_drift_is_known_only_a_large_difference_counts(ratio: float, verdict: Verdict) -> None:
    first = [1.0, 1.001, 0.999, 1.0, 1.0]
    found = of_strangers([ratio * time for time in first], first, None)
    assert found.unseen == pytest.approx(UNKNOWN_DRIFT)
    assert decide([found]) == [verdict]


def test_more_than_a_margin() -> None:
    exact = [LogRatio(math.log(ratio), 0.01, 8) for ratio in (1.0, 1.05, 1.10, 1.20, 0.8)]
    assert slower_by_more(exact, 0.05) == [False, False, True, True, False]
    assert slower_by_more([LogRatio(math.log(1.2), 0.001, 8, unseen=0.1)], 0.05) == [True]
    assert slower_by_more([LogRatio(math.log(1.14), 0.001, 8, unseen=0.1)], 0.05) == [False]


def _error_rate(one_pair: Callable[[np.random.Generator], LogRatio], times: int = 4000) -> float:
    generator = np.random.default_rng(7)
    return sum(one_pair(generator).p_no_difference() <= 0.05 for _ in range(times)) / times


def test_false_alarms_with_a_drift_between_runs() -> None:
    """Equal runs: 1 % between processes, 3 % between runs. Welch's test alone is wrong more often than not."""

    def run(generator: np.random.Generator) -> list[float]:
        return list(np.exp(0.03 * generator.standard_normal() + 0.01 * generator.standard_normal(5)))

    def with_drift(generator: np.random.Generator) -> LogRatio:
        earlier = [float(np.exp(np.mean(np.log(run(generator))))) for _ in range(4)]
        return of_strangers(run(generator), run(generator), drift_between([earlier]))

    def without(generator: np.random.Generator) -> LogRatio:
        return of_strangers(run(generator), run(generator), Drift(0.0, 99))

    assert _error_rate(with_drift) < 0.06  # 5 % and three standard errors
    assert _error_rate(without) > 0.5
