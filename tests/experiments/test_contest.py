"""When a model counts as better than another one, on what both did with the same examples."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.measure.contest import Judged, contest

X = np.arange(200, dtype=np.float32)[:, None]
TRUTH = np.arange(200) % 2


def _wrong_on(*examples: int) -> Judged:
    """A classifier that is wrong on some examples."""
    said = TRUTH.copy()
    said[list(examples)] = 1 - said[list(examples)]
    return Judged.of_classes(X, TRUTH, said)


def test_a_classifier_wins_by_what_only_one_of_the_two_has_right() -> None:
    old, new = _wrong_on(*range(20)), _wrong_on(*range(15, 22))
    assert binomtest(15, 17).pvalue < 0.05
    won = contest(new, old)
    assert won.is_won
    assert "only the new model has 15 right, and only the old one 2 " in won.words
    assert not contest(old, new).is_won


def test_a_difference_that_may_be_chance_is_none() -> None:
    """Five examples out of five: p = 0.0625."""
    assert not contest(_wrong_on(), _wrong_on(*range(5))).is_won
    assert contest(_wrong_on(), _wrong_on(*range(6))).is_won
    assert not contest(_wrong_on(1), _wrong_on(1)).is_won


def test_equally_good_classifiers_are_told_apart_in_at_most_one_of_forty_comparisons() -> None:
    random = np.random.default_rng(0)
    pairs = [(random.random(200) < 0.1, random.random(200) < 0.1) for _ in range(2000)]
    wins = sum(contest(_wrong_on(*np.flatnonzero(a)), _wrong_on(*np.flatnonzero(b))).is_won for a, b in pairs)
    assert wins / len(pairs) <= 0.025


def _off_by(errors: np.ndarray) -> Judged:
    """A regression with these errors."""
    truth = np.zeros(len(errors))
    return Judged.of_numbers(X[: len(errors)], truth, truth + errors)


def test_a_regression_wins_where_its_squared_errors_are_smaller_for_certain() -> None:
    random = np.random.default_rng(1)
    good, bad = (_off_by(scale * random.normal(size=200)) for scale in (0.3, 1.0))
    won = contest(good, bad)
    assert won.is_won
    assert re.search(r"changes by -0\.\d+ on 200 test examples \(paired permutation test, p = 0\.0005\)", won.words)
    assert not contest(bad, good).is_won
    assert not contest(good, good).is_won


def test_a_regression_needs_six_examples_as_a_classifier_does() -> None:
    for count in (1, 5, 6):
        assert contest(_off_by(np.full(count, 0.1)), _off_by(np.full(count, 2.0))).is_won == (count == 6)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 8, 12])
def test_equally_good_regressions_are_told_apart_in_at_most_one_of_forty_comparisons(count) -> None:
    random = np.random.default_rng(count)
    pairs = random.normal(size=(400, 2, count)) ** 3  # a few large errors decide the mean
    wins = [contest(_off_by(new), _off_by(old)).is_won for new, old in pairs]
    chance = np.sqrt(0.025 * 0.975 / len(wins))
    assert np.mean(wins) <= 0.025 + 3 * chance


def test_errors_beyond_the_largest_number_decide_nothing() -> None:
    truth = 1e200 * np.arange(200.0)
    good, bad = (Judged.of_numbers(X, truth, factor * truth) for factor in (1.0, 2.0))
    assert not contest(good, bad).is_won


@pytest.mark.parametrize("other", [X + 1, X.astype(np.float64)])
def test_another_test_set_decides_nothing(other) -> None:
    strange = Judged.of_classes(other, TRUTH, TRUTH)
    found = contest(strange, _wrong_on(*range(50)))
    assert (found.is_won, found.words) == (False, "the two were judged on different test sets")


def test_what_is_stored_is_what_was_judged() -> None:
    judged = _wrong_on(3, 5)
    read = Judged.from_bytes(judged.to_bytes())
    assert (read.test_set, read.are_counts, read.errors.tolist()) == (judged.test_set, True, judged.errors.tolist())
    whole = bytearray(judged.to_bytes())
    whole[60:90] = bytes(30)
    for content in (b"something else", whole):
        with pytest.raises(ValueError, match="not what a training has kept"):
            Judged.from_bytes(content)
