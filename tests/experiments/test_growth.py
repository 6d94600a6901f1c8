"""The growth of a time with its size, on series whose growth is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares, nnls

from experiments.matmul.growth import growth
from tests.experiments.test_crossover import curve

SIZES = [2**i for i in range(12)]


@pytest.mark.parametrize(("a", "b", "k"), [(50e-6, 2e-7, 1), (0, 2e-11, 3), (90e-6, 3e-9, 2.37)])
def test_a_series_without_noise_gives_its_own_parameters(a, b, k):
    found = growth(curve("cpu", lambda n: a + b * n**k, sizes=SIZES))
    assert found.problem == ""
    assert (found.b, found.k) == pytest.approx((b, k), rel=1e-4)
    assert found.a == pytest.approx(a, rel=1e-4, abs=1e-14)
    assert found.deviation < 1e-4


def test_the_intervals_cover_the_parameters_in_95_percent_of_experiments():
    true = np.array([50e-6, 2e-9, 1.8])

    def one_experiment(seed):
        series = curve("cpu", lambda n: true[0] + true[1] * n ** true[2], sizes=SIZES, noise=0.05, seed=seed)
        found = growth(series)
        low, high = np.transpose([found.a_interval, found.b_interval, found.k_interval])
        return (low <= true) & (true <= high)

    covered = np.mean([one_experiment(seed) for seed in range(60)], axis=0)
    assert np.all(covered >= 0.87)
    assert not np.all(covered == 1)


def test_it_is_the_least_squares_fit_of_scipy():
    series = curve("cpu", lambda n: 50e-6 + 2e-9 * n**1.8, sizes=SIZES, noise=0.1)

    def deviations(logs):
        a, b, k = np.exp(logs)
        return (a + b * series.n**k) / series.seconds - 1

    expected = least_squares(deviations, np.log([50e-6, 2e-9, 1.8]), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    found = growth(series)
    assert (found.a, found.b, found.k) == pytest.approx(np.exp(expected.x), rel=1e-3)
    assert found.deviation == pytest.approx(np.max(np.abs(expected.fun)), rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds_of", [lambda n: 50e-6 + 2e-10 * n, lambda n: 20e-6 + 1e-8 * n**1.5])
def test_no_other_growth_fits_better(seconds_of, seed):
    """Not even where the noise makes several minima: a time that hardly grows is among the examples."""
    series = curve("cpu", seconds_of, sizes=SIZES[4:], noise=0.05, processes=1, samples=1, seed=seed)
    found = growth(series)
    constant, ones = 1 / series.seconds, np.ones(len(series.n))
    growing = (np.stack([constant, series.n**k / series.seconds], axis=1) for k in np.linspace(0.1, 5, 500))
    best = min(nnls(columns, ones)[1] for columns in growing)
    if math.isnan(found.k):  # the time does not grow
        found = replace(found, a=ones @ constant / (constant @ constant), b=0.0, k=1.0)
    deviations = (found.a + found.b * series.n**found.k) / series.seconds - 1
    assert np.linalg.norm(deviations) <= best * (1 + 1e-6)


def test_the_fixed_cost_is_never_negative():
    found = growth(curve("cpu", lambda n: 1e-6 * n - 0.5e-6, sizes=SIZES))
    assert found.a == 0
    assert found.b > 0


def test_a_step_shows_as_a_deviation():
    found = growth(curve("cpu", lambda n: 1e-6 * n * (1 if n < 100 else 4), sizes=SIZES))
    assert found.deviation > 0.25
    assert found.problem == f"off by {found.deviation:.0%} at n={found.deviation_n:,}"


@pytest.mark.parametrize(
    ("seconds_of", "sizes", "problem"),
    [
        (lambda n: 1e-6 * n, [1, 10, 100], "too few sizes: 3 of at least 4"),
        (lambda n: 1e-6 / n, SIZES, "the time does not grow with n"),
        (lambda n: 50e-6 + 2e-10 * n, SIZES, "the time grows too little over the fixed cost to tell k"),
    ],
)
def test_what_has_no_growth_is_said(seconds_of, sizes, problem):
    assert growth(curve("cpu", seconds_of, sizes=sizes, noise=0.02)).problem == problem


def test_single_samples_give_a_fit_without_intervals():
    found = growth(curve("cpu", lambda n: 50e-6 + 1e-9 * n**2, sizes=SIZES, processes=1, samples=1))
    assert found.k == pytest.approx(2, rel=1e-4)
    assert all(math.isnan(end) for end in (*found.a_interval, *found.b_interval, *found.k_interval))
