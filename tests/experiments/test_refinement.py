"""The sizes at which a sweep looks for a crossover, on series whose crossover is known."""

import pytest

from experiments.matmul.pairing import Comparison
from experiments.matmul.refinement import further_sizes
from tests.experiments.test_crossover import job_of, shallow, steep

GRID = [1, 10, 100, 1000, 10_000]
MOST_ROUNDS = 12


def refined(noise, first=steep, second=shallow, processes=5):
    """Two jobs measured at further sizes, round by round; return their crossover and the sizes of each round."""
    sizes, rounds = list(GRID), []
    while len(rounds) < MOST_ROUNDS:
        jobs = [
            job_of(name, of, sizes=sizes, noise=noise, seed=seed, processes=processes, swept={"experiment.dtype": name})
            for seed, (name, of) in enumerate([("steep", first), ("shallow", second)])
        ]
        if not (wanted := further_sizes(jobs)):
            break
        assert wanted[0] == wanted[1]
        rounds.append(wanted[0])
        sizes = sorted([*sizes, *wanted[0]])
    (found,) = Comparison(jobs).crossovers.values()
    return found, rounds


def test_without_noise_the_interval_is_within_5_percent_after_a_few_rounds():
    found, rounds = refined(noise=1e-6)
    low, high = found.interval
    assert low <= 300 <= high <= 1.05 * low
    assert len(rounds) <= 4


def test_noise_ends_the_search_where_the_two_cannot_be_told_apart():
    found, rounds = refined(noise=0.02)
    low, high = found.interval
    assert low <= 300 <= high <= 1.3 * low
    assert len(rounds) < MOST_ROUNDS


def test_sizes_are_whole_numbers_and_none_is_asked_for_twice():
    found, rounds = refined(1e-6, lambda n: 1e-6 * n, lambda n: 3.4e-6)
    assert found.interval == (3, 4)
    asked = [size for sizes in rounds for size in sizes]
    assert len(asked) == len(set(asked))
    assert not set(asked) & set(GRID)


@pytest.mark.parametrize("change", [20.2, 21.8, 4.1])
def test_a_size_in_a_narrow_gap_is_not_missed(change):
    """Where the guess is next to an end, all sizes around it are that end."""
    low, high = (20, 22) if change > 5 else (4, 6)
    jobs = [
        job_of(name, of, sizes=[1, low, high, 1000], noise=1e-6, seed=seed, swept={"experiment.dtype": name})
        for seed, (name, of) in enumerate([("steep", lambda n: 1e-6 * n / change), ("flat", lambda n: 1e-6)])
    ]
    assert further_sizes(jobs) == {0: [low + 1], 1: [low + 1]}


@pytest.mark.parametrize(
    ("first", "second", "processes"),
    [(steep, shallow, 1), (steep, lambda n: 2 * steep(n), 5)],
    ids=["one process gives no verdict", "nothing changes"],
)
def test_nothing_further_is_measured_without_a_change_of_lead(first, second, processes):
    assert refined(0.01, first, second, processes)[1] == []


def test_of_many_crossovers_those_are_refined_that_the_note_shows():
    """Twelve pairs, each with a larger speedup than the one before; the last ten are shown."""
    jobs = [
        job_of(name, of, swept={"experiment.dtype": name, "seed": f"{seed}"})
        for seed in range(12)
        for name, of in (("steep", lambda n, power=0.9 + seed / 100: 1e-6 * (n / 300) ** power), ("shallow", shallow))
    ]
    assert set(further_sizes(jobs)) == set(range(4, 24))
