"""The statistics of a measurement."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.measure import Measurement, Sample
from experiments.measure.measurement import median_interval


def measurement(*seconds: float) -> Measurement:
    samples = tuple(Sample(0, 10, 10 * value) for value in seconds)
    return Measurement(samples, first_call=1.0, latency=math.nan, stopped="target")


@pytest.mark.parametrize("count", [6, 9, 10, 11, 40, 101, 1000])
def test_the_interval_is_that_of_scipy(count):
    values = np.sort(np.random.default_rng(count).lognormal(size=count))
    expected = stats.quantile_test(values, q=0, p=0.5).confidence_interval(0.95)
    assert median_interval(values) == (expected.low, expected.high)


def test_the_interval_is_that_of_the_binomial_distribution_for_any_number_of_samples():
    """From 1,075 samples on 0.5**count is 0 to a float."""
    for count in [*range(6, 1200), 5000, 100_000]:
        lower = stats.binom.ppf(0.025, count, 0.5)
        assert median_interval(np.arange(1.0, count + 1)) == (lower, count + 1 - lower)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(1e-9, 1e3), min_size=6, max_size=60))
def test_the_interval_holds_the_median(values):
    low, high = median_interval(np.sort(values))
    assert low <= np.median(values) * (1 + 1e-12)
    assert high >= np.median(values) * (1 - 1e-12)


def test_too_few_samples_have_no_interval():
    assert all(math.isnan(end) for end in measurement(1.0, 2.0, 3.0, 4.0, 5.0).interval)


def test_the_interval_covers_the_true_median_in_95_percent_of_experiments():
    generator = np.random.default_rng(0)
    intervals = [median_interval(np.sort(generator.exponential(size=20))) for _ in range(2000)]
    covered = np.mean([low <= math.log(2) <= high for low, high in intervals])
    assert covered >= 0.94


def test_statistics_are_per_call():
    found = measurement(1.0, 2.0, 3.0, 4.0, 100.0)
    assert (found.median, found.mean, found.minimum) == (3.0, 22.0, 1.0)
    assert found.quartiles == (2.0, 4.0)


def test_outliers_are_counted_and_kept():
    found = measurement(*[1.0, 2.0, 3.0, 4.0, 5.0] * 4, 9.5, 100.0)
    mild, severe = found.outliers
    assert (mild, severe) == (2, 1)
    assert len(found.per_call) == 22
