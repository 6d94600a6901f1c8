"""Measuring calls whose truth is known."""

import itertools
import time

import pytest

from experiments.experiment import Refused
from experiments.measure import Timing, measure, new_sampler, visiting_order
from experiments.measure.interleave import window

pytestmark = pytest.mark.alone

QUICK = Timing(processes=1, max_seconds=0.3, warmup_seconds=0.01)


def test_a_known_time_is_found(on_device):
    found = measure(time.sleep, (0.002,), QUICK)
    assert 0.002 <= found.minimum <= found.median


def test_arguments_reach_the_function_and_the_first_call_is_apart(on_device):
    calls = []

    def slow_at_first(word):
        calls.append(word)
        time.sleep(0.1 if len(calls) == 1 else 0.001)

    found = measure(slow_at_first, ("operand",), QUICK)
    assert set(calls) == {"operand"}
    assert found.first_call >= 0.1
    assert found.per_call.max() < 0.1


def test_calls_that_are_merged_into_one_are_refused(on_device, monkeypatch):
    """As a lazy runtime does: nothing happens until someone waits, and then it happens once."""
    pending = []

    def wait():
        if pending:
            time.sleep(0.03)
        pending.clear()

    sampler = new_sampler(lambda: pending.append("work"), (), QUICK)
    monkeypatch.setattr(sampler, "_synchronize", wait)
    with pytest.raises(Refused, match=r"2 calls took only 1\.\d\d times as long as 1"):
        sampler.visit()


def test_it_stops_at_the_target_with_enough_samples(on_device):
    found = measure(time.sleep, (0.011,), Timing(target=0.5, min_samples=10, max_seconds=30, warmup_seconds=0.0))
    assert found.stopped == "target"
    assert len(found.samples) >= 10


def test_it_stops_at_the_time_limit(on_device):
    found = measure(time.sleep, (0.01,), Timing(target=0.0, max_seconds=0.2, warmup_seconds=0.0))
    assert found.stopped == "time limit"
    assert sum(sample.seconds for sample in found.samples) >= 0.2


def test_a_slow_call_gets_one_sample_a_round(on_device):
    found = measure(time.sleep, (0.15,), Timing(max_seconds=0.1, rounds=3, warmup_seconds=0.0))
    assert [sample.round for sample in found.samples] == [0, 1, 2]


def test_the_textbook_takes_the_mean_of_ten_after_ten(on_device):
    calls = []

    def call():
        calls.append("call")
        time.sleep(0.001)

    found = measure(call, (), Timing(method="textbook"))
    assert len(calls) == 1 + 10 + 10
    assert found.stopped == "textbook"
    assert [sample.calls for sample in found.samples] == [10]
    assert found.mean == found.median >= 0.001


def test_a_sampler_can_be_asked_before_it_is_finished(on_device):
    sampler = new_sampler(time.sleep, (0.001,), QUICK)
    before = sampler.measurement
    assert before is None
    sampler.visit()
    found = sampler.measurement
    assert found.stopped == "interrupted"
    assert not sampler.finished


def test_each_point_is_visited_in_each_round_with_others_in_between():
    points = list(range(20))
    order = list(visiting_order(points, rounds=3, seed=1))
    assert sorted(order) == sorted(points * 3)
    assert all(first != second for first, second in itertools.pairwise(order))
    assert order != list(visiting_order(points, rounds=3, seed=2))
    assert order == list(visiting_order(points, rounds=3, seed=1))


def test_points_are_completed_from_early_on_and_few_are_in_progress():
    seen, in_progress, completed_at = {}, [], []
    for step, point in enumerate(visiting_order(list(range(20)), rounds=3, seed=1)):
        seen[point] = seen.get(point, 0) + 1
        in_progress.append(sum(count < 3 for count in seen.values()))
        if seen[point] == 3:
            completed_at.append(step)
    assert max(in_progress) <= window(3)
    assert completed_at[0] < 15
