"""Processes that measure block by block beside each other, seen from one of them."""

import os
import pickle
import time
from dataclasses import replace

import pytest

from experiments.measure import Timing, Turns, new_sampler
from experiments.measure.level import Level, quotient
from experiments.measure.verdict import time_ratio
from experiments.runtime import alternation
from experiments.runtime.alternation import Alternation
from experiments.series.levels import levels_of

TIMING = Timing(max_seconds=100, warmup_seconds=0.0, block_seconds=0.002, target=0.9)


@pytest.fixture
def waits(monkeypatch):
    """Notes when this process waits for others, and whether a visit begins then; the others take 0.01 s each time."""
    waits = []

    def wait(visit_begins):
        waits.append(visit_begins)
        time.sleep(0.01)

    monkeypatch.setattr(alternation, "_present", Alternation(wait))
    return waits


def test_it_waits_before_each_block(on_device, waits):
    calls = []

    def call():
        calls.append(len(waits))
        time.sleep(0.002)

    sampler = new_sampler(call, (), TIMING.of_one_process)
    sampler.visit()
    found = sampler.measurement
    assert found is not None
    blocks = len(found.samples)
    assert waits == [True] + [False] * (blocks - 1)
    assert blocks >= 12  # however well a few agree: each makes a pair with another process's
    (of_a_block,) = {sample.calls for sample in found.samples}
    assert all(calls.count(number) == 1 + of_a_block for number in range(1, blocks + 1))  # one is not timed


def test_what_others_take_is_in_no_time_and_no_disturbance(on_device, waits):
    turns = Turns({"sleep": new_sampler(time.sleep, (0.002,), TIMING.of_one_process)}, "seed")
    begun = time.perf_counter()
    turns.visit()
    took = time.perf_counter() - begun
    assert took - turns.conditions.disturbance.seconds >= 0.009 * len(waits)
    own = turns.own
    assert own is not None
    assert max(own["sleep"].per_call) < 0.01


def test_noise_between_processes_does_not_make_it_careless(on_device, waits):
    sampler = new_sampler(time.sleep, (0.002,), TIMING.of_one_process)
    sampler.visit()
    found = sampler.measurement
    assert found is not None
    far_apart = replace(found, samples=[replace(one, seconds=2 * one.seconds) for one in found.samples])
    sampler.go_on_from([found, far_apart])
    assert sampler.target == TIMING.target


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_processes_of_a_turn_go_on_on_the_same_core_and_those_of_the_next_on_another(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: asked.append(sorted(cores)))
    for turn in (1, 1, 2):
        here = Alternation(lambda visit_begins: None, turn)
        here.begin_visit()
        here.after_block()
        here.begin_visit()
    free = [2, 5]
    first, second = [[2], free, [2], free, [5], free], [[5], free, [5], free, [2], free]
    assert asked == first + first + second


def test_alone_it_never_waits(on_device):
    alone = Alternation()
    assert (alone.has_company, alone.begin_visit(), alone.after_block()) == (False, False, False)


def test_two_processes_are_compared_block_by_block():
    """The machine is three times slower for most of the time, at other blocks of each visit."""
    slow = [1, 3, 3, 1, 3, 1, 3]
    first, second = Level({0: [2.0 * factor for factor in slow]}), Level({0: [1.0 * factor for factor in slow[:5]]})
    assert (first, second) == (6.0, 3.0)
    assert quotient(first, second) == pytest.approx(2)
    uneven = Level({0: [1.0, 3.0, 3.0], 1: [1.1, 3.3]})
    assert quotient(uneven, Level({1: [1.0, 3.0], 2: [7.0]})) == pytest.approx(1.1)  # the round that both have
    assert quotient(uneven, Level({2: [1.5]})) == uneven / 1.5
    assert quotient(6.0, 3.0) == 2.0


def test_a_level_is_a_number_with_its_samples():
    level = Level({0: [3.0, 1.0], 1: [2.0]})
    assert level == 2.0
    assert level.samples == [3.0, 1.0, 2.0]
    again = pickle.loads(pickle.dumps(level))
    assert (again, again.rounds) == (level, level.rounds)


def test_verdicts_take_the_pairs_of_blocks():
    rows = [
        {"n": "1", "process": str(process), "round": "0", "calls": "2", "seconds": str(2 * seconds)}
        for process, blocks in enumerate(([1.0, 8.0, 2.0], [4.0, 3.0, 1.0]))
        for seconds in blocks
    ]
    (levels,) = levels_of(rows).seconds.values()
    doubled = [Level({0: [2 * time for time in level.samples]}) for level in levels.values()]
    found = time_ratio(doubled, list(levels.values()))
    assert found.value == pytest.approx(2)
    assert found.deviation == pytest.approx(0)
    assert found.pairs == 2
