"""Jobs that measure block by block beside each other."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.runtime import gpu_driver
from runner.execution import room
from runner.execution.job import Job
from runner.messages import Known, Outcome
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker, Script
from tests.runner.jobs import TimedToy, job


@dataclass
class MeasuringToy(TimedToy):
    """Knows how much memory it needs."""

    def bytes_needed(self) -> int | None:
        if self.x == UNKNOWN:
            return None
        assert self.x != BROKEN
        return 0


UNKNOWN, BROKEN = 8, 9


def timed(x: float, **more: object) -> Job:
    return job(x=x, number=int(x), kind=MeasuringToy, **more)


class Machine:
    """Where workers make their blocks; no two of them at once."""

    def __init__(self) -> None:
        self.blocks: list[tuple[float, int]] = []
        """Who made each block, and in which visit."""
        self.cycles: dict[tuple[float, int], list[int]] = defaultdict(list)
        """The cycles of the blocks of each of them in each visit."""
        self._free = True

    def script(self, visits: Mapping[int, int]) -> Script:
        """A worker that makes so many blocks in each visit; the visits are given by their places."""

        def measures(worker: FakeWorker) -> None:
            worker.start()
            for number, blocks in visits.items():
                self._use(lambda: None)
                cycle = worker.let_others_go_on(place=number)
                for block in range(blocks):
                    self._use(lambda number=number: self.blocks.append((worker.x, number)))  # type: ignore[misc]
                    self.cycles[worker.x, number].append(cycle)
                    if block + 1 < blocks:
                        cycle = worker.let_others_go_on()
            worker.end()

        return measures

    def _use(self, work: Callable[[], None]) -> None:
        assert self._free, "two measure at once"
        self._free = False
        work()
        self._free = True


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_each_makes_a_block_before_any_makes_the_next(house: House, machine: Machine) -> None:
    house.servers.scripts |= dict.fromkeys((1, 2, 3), machine.script({0: 4, 1: 2}))
    ends = house.run(*map(timed, (1, 2, 3)))
    assert {end.status for end in ends.values()} == {"FINISHED"}
    cycles = [machine.blocks[start : start + 3] for start in range(0, len(machine.blocks), 3)]
    visits = [0, 0, 0, 0, 1, 1]
    assert [sorted(cycle) for cycle in cycles] == [[(x, visit) for x in (1, 2, 3)] for visit in visits]


def test_one_that_needs_fewer_blocks_waits_for_the_others_before_its_next_visit(house: House, machine: Machine) -> None:
    house.servers.scripts |= {1: machine.script({0: 1, 1: 1}), 2: machine.script({0: 5, 1: 1})}
    house.run(timed(1), timed(2))
    assert sorted(machine.blocks[:2]) == [(1, 0), (2, 0)]
    assert machine.blocks[2:6] == [(2, 0)] * 4
    assert sorted(machine.blocks[6:]) == [(1, 1), (2, 1)]
    assert machine.cycles[1, 0] == machine.cycles[2, 0][:1]
    assert machine.cycles[1, 1] == machine.cycles[2, 1]


def test_a_visit_that_one_of_them_leaves_out_parts_nobody(house: House, machine: Machine) -> None:
    """As where a size does not fit, or was given up: the others make it, and all go on with the next one."""
    house.servers.scripts |= {1: machine.script({0: 2, 2: 3}), 2: machine.script({0: 2, 1: 2, 2: 3})}
    house.run(timed(1), timed(2))
    assert machine.cycles[1, 2] == machine.cycles[2, 2]
    assert machine.blocks[4:6] == [(2, 1)] * 2


def test_one_that_dies_keeps_nobody_waiting(house: House, machine: Machine) -> None:
    def dies(worker: FakeWorker) -> None:
        worker.start()
        worker.let_others_go_on(place=0)
        worker.exit_code = -9

    house.servers.scripts |= {1: dies, 2: machine.script({0: 3, 1: 3})}
    ends = house.run(timed(1), timed(2))
    assert {number: end.status for number, end in ends.items()} == {1: "FAILED", 2: "FINISHED"}
    assert len(machine.blocks) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_those_that_wait(house: House, number: signal.Signals) -> None:
    computing: list[float] = []

    def measures(worker: FakeWorker) -> None:
        worker.start()
        worker.let_others_go_on(place=0)
        computing.append(worker.x)
        if len(computing) == 1:
            house.signal(number)  # the other one is let go on then, though this one has the machine
        worker.end_when_interrupted()

    house.servers.scripts |= dict.fromkeys((1, 2), measures)
    ends = house.run(timed(1), timed(2))
    assert {end.status for end in ends.values()} == {"KILLED"}
    assert sorted(computing) == [1, 2]


def test_the_time_limit_counts_the_own_turns_only(house: House) -> None:
    """Each of the two takes 24 seconds, and both together 48."""

    def is_slow(worker: FakeWorker) -> None:
        worker.start()
        for visit in range(3):
            house.clock.now += 8
            worker.let_others_go_on(place=0 if visit == 0 else None)
        worker.end()

    house.servers.scripts |= dict.fromkeys((1, 2), is_slow)
    ends = house.run(timed(1), timed(2), timeout=30)
    assert {end.status for end in ends.values()} == {"FINISHED"}


def test_one_that_takes_too_long_in_its_own_turns_is_ended(house: House) -> None:
    def is_slow(worker: FakeWorker) -> None:
        worker.start()
        house.clock.now += 8
        worker.let_others_go_on(place=0)
        house.clock.now += 8
        worker.end_when_interrupted()

    house.servers.scripts |= dict.fromkeys((1, 2), is_slow)
    ends = house.run(timed(1), timed(2), timeout=15)
    reason = "it took longer than hydra.launcher.timeout=15 seconds; what was measured is kept"
    assert {end.reason for end in ends.values()} == {reason}


def test_what_the_first_has_found_out_the_others_know(house: House) -> None:
    known = []

    def finds_out(worker: FakeWorker) -> None:
        known.append(dict(worker.start().known))
        worker.hand_over(Known("peak", 7.0))
        worker.let_others_go_on(place=0)
        worker.end(Outcome.FINISHED)

    house.servers.scripts |= dict.fromkeys((1, 2), finds_out)
    house.run(timed(1), timed(2))
    assert known == [{}, {"peak": 7.0}]


def test_what_may_be_a_gpu_is_nothing_to_share(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu_driver, "OTHERS", (str(tmp_path),))
    house.run(timed(1), timed(2))
    assert {worker.assignment.turn for worker in house.servers.server.workers.values()} == {None}
    house.run(timed(3, device={"kind": "cpu"}), timed(4, device={"kind": "cpu"}))
    assert {worker.assignment.turn for worker in house.servers.server.workers.values()} == {None, 1}


@pytest.mark.parametrize(
    ("jobs", "n_jobs", "together"),
    [
        ([timed(1), timed(2)], 1, True),
        ([timed(1)], 1, False),
        ([timed(1), timed(2)], 2, False),
        ([timed(1), job(x=2, number=2)], 1, False),
        ([timed(1), timed(2, device={"kind": "gpu"})], 1, False),
        ([timed(1), timed(UNKNOWN)], 1, False),
        ([timed(1), timed(BROKEN)], 1, False),
    ],
    ids=["two", "alone", "side by side", "one process", "a GPU", "of unknown size", "of a size that cannot be told"],
)
def test_who_measures_beside_others(house: House, jobs: list[Job], n_jobs: int, together: bool) -> None:
    house.run(*jobs, n_jobs=n_jobs)
    turns = [worker.assignment.turn for worker in house.servers.server.workers.values()]
    assert turns == [1 if together else None] * len(jobs)


def test_only_as_many_are_there_as_fit_into_memory(
    house: House, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for_two = 2.5 * room.WORKER_BYTES / room.SHARE
    monkeypatch.setattr(room, "free_on_host", lambda: room_for_two)
    house.servers.scripts |= dict.fromkeys((1, 2, 3), machine.script({0: 2}))
    ends = house.run(*map(timed, (1, 2, 3)))
    assert {end.status for end in ends.values()} == {"FINISHED"}
    who = [x for x, _ in machine.blocks]
    assert (sorted(who[:2]), sorted(who[2:4]), who[4:]) == ([1, 2], [1, 2], [3, 3])
