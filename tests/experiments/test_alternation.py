"""Processes that measure block by block beside each other, seen from one of them."""

import os
import pickle
import time
from dataclasses import replace

import pytest

from experiments.measure import Timing, Turns, measure, new_sampler
from experiments.measure.level import Level, quotient
from experiments.measure.verdict import time_ratio
from experiments.runtime import alternation
from experiments.runtime.alternation import Alternation
from experiments.series.levels import levels_of

TIMING = Timing(max_seconds=100, warmup_seconds=0.0, block_seconds=0.002, target=0.9)


@pytest.fixture
def waits(monkeypatch):
    """Notes when this process waits for others, each time with the place; the others take 0.01 s."""
    waits = []

    def wait(place):
        waits.append(place)
        time.sleep(0.01)
        return len(waits)

    monkeypatch.setattr(alternation, "_present", Alternation(wait))
    return waits


def test_it_waits_before_each_block(on_device, waits):
    calls = []

    def call():
        calls.append(len(waits))
        time.sleep(0.002)

    turns = Turns({"call": new_sampler(call, (), TIMING.of_one_process)}, "seed")
    turns.visit(place=0.7)
    own = turns.own
    assert own is not None
    samples = own["call"].samples
    assert waits == [0.7] + [None] * (len(samples) - 1)
    assert [sample.cycle for sample in samples] == list(range(1, len(samples) + 1))
    assert len(samples) >= 24  # however well a few agree: each makes a pair with another process's
    (of_a_block,) = {sample.calls for sample in samples}
    assert all(calls.count(sample.cycle) == 1 + of_a_block for sample in samples)  # one is not timed


def test_the_calls_of_a_point_make_a_block_each_before_others_go_on(on_device, waits):
    made = []

    def call(name):
        made.append((name, len(waits)))
        time.sleep(0.003)

    samplers = {name: new_sampler(call, (name,), TIMING.of_one_process) for name in ("forward", "backward")}
    turns = Turns(samplers, "seed")
    turns.visit()
    own = turns.own
    assert own is not None
    cycles = [{sample.cycle for sample in own[name].samples} for name in samplers]
    shared = set.intersection(*cycles)
    assert len(shared) >= 24
    assert all({name for name, number in made if number == cycle} == set(samplers) for cycle in shared)


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
    Turns({"sleep": sampler}, "seed").visit()
    found = sampler.measurement
    assert found is not None
    far_apart = replace(found, samples=[replace(one, seconds=2 * one.seconds) for one in found.samples])
    sampler.go_on_from([found, far_apart])
    assert sampler.target == TIMING.target


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_processes_of_a_turn_go_on_on_the_same_core_whatever_visits_they_leave_out(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: asked.append(sorted(cores)))

    def cores(turn, places):
        """The core that is asked for in each visit, of two blocks."""
        here = Alternation(lambda place: 1, turn)
        found = []
        for place in places:
            asked.clear()
            here.begin_visit(place)
            here.after_block()
            assert asked[1::2] == [[2, 5], [2, 5]]  # free again
            (core,) = asked[0]
            assert asked[2] == [core]
            found.append(core)
        return found

    places = [Alternation(lambda place: 1, 1).place_of(n) for n in range(16)]
    whole = cores(1, places)
    assert set(whole) == {2, 5}
    assert cores(1, places[::3]) == whole[::3]
    assert cores(2, places) == [7 - core for core in whole]


def test_alone_nothing_is_paired(on_device):
    found = measure(time.sleep, (0.002,), replace(TIMING, max_seconds=0.2))
    assert {sample.cycle for sample in found.samples} == {None}


def test_all_processes_of_a_turn_have_their_points_in_one_order():
    """Also those that leave some of them out."""

    def order(turn, keys):
        return sorted(keys, key=Alternation(lambda place: 1, turn).place_of)

    sizes = range(20)
    assert order(1, sizes) == order(1, reversed(sizes))
    assert [n for n in order(1, sizes) if n % 3] == order(1, [n for n in sizes if n % 3])
    assert order(1, sizes) != order(2, sizes)


def test_two_processes_are_compared_block_by_block():
    """The machine is three times slower for most of the time."""
    slow = [1, 3, 3, 1, 3, 1, 3]
    first = Level([2.0 * factor for factor in slow], range(7))
    second = Level([1.0 * factor for factor in slow[2:]], range(2, 7))
    assert (first, second) == (6.0, 3.0)
    assert quotient(first, second) == pytest.approx(2)
    uneven = Level([1.0, 3.0, 3.0], [1, 2, 3])
    assert quotient(uneven, Level([3.3, 1.1, 9.0, 9.0, 9.0], [2, 1, 8, 9, 10])) == pytest.approx(1 / 1.1)


@pytest.mark.parametrize(
    "other", [Level([1.5], [9]), Level([1.5, 1.5, 1.5], [3, 8, 9]), Level([1.5], [None]), Level([1.5]), 1.5]
)
def test_what_was_hardly_measured_beside_each_other_is_compared_by_its_times(other):
    assert quotient(Level([1.0, 3.0, 3.0], [1, 2, 3]), other) == 2.0
    assert quotient(other, Level([1.0, 3.0, 3.0], [1, 2, 3])) == 0.5


def test_a_level_is_a_number_with_its_samples():
    level = Level([3.0, 1.0, 2.0], [4, 5, None])
    assert level == 2.0
    assert level.by_cycle == {4: 3.0, 5: 1.0}
    again = pickle.loads(pickle.dumps(level))
    assert (again, again.by_cycle) == (level, level.by_cycle)


def test_verdicts_take_the_pairs_of_blocks():
    rows = [
        {
            "n": "1",
            "process": f"{process}",
            "round": "0",
            "calls": "2",
            "seconds": f"{2 * seconds}",
            "cycle": f"{cycle}",
        }
        for process, blocks in enumerate(([1.0, 8.0, 2.0], [4.0, 3.0, 1.0]))
        for cycle, seconds in enumerate(blocks)
    ]
    (levels,) = levels_of(rows).seconds.values()
    twice = [Level([2 * time for time in reversed(one.samples)], [2, 1, 0]) for one in levels.values()]
    found = time_ratio(twice, list(levels.values()))
    assert found.value == pytest.approx(2)
    assert found.deviation == pytest.approx(0)
    assert found.pairs == 2
