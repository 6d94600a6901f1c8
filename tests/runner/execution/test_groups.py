"""Which jobs take turns, and the order in which they begin."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from omegaconf import OmegaConf

from experiments.measure import Timing
from runner.execution.groups import GROUP, in_groups
from runner.execution.job import Job
from tests.runner.jobs import Toy, job


@dataclass
class SeededToy(Toy):
    """An experiment of somebody else, whose field has a name of its own."""

    name: ClassVar[str] = "seeded"

    seed: int = 0
    how_carefully: Timing = field(default_factory=Timing)


def jobs(modes: int, seeds: tuple[int, ...], timing: Timing) -> list[Job]:
    """The jobs of a grid over modes and seeds, as Hydra orders them."""
    found = [job(number=number, kind=SeededToy) for number in range(modes * len(seeds))]
    for number, one in enumerate(found):
        seed = seeds[number % len(seeds)]
        one.config.experiment = OmegaConf.structured(SeededToy(seed=seed, how_carefully=timing))
    return found


def numbers(groups: list[list[Job]]) -> list[list[int]]:
    return [[one.number for one in group] for group in groups]


def test_jobs_of_the_same_seed_begin_together() -> None:
    assert numbers(in_groups(jobs(2, (7, 1, 2), Timing()))) == [[0, 3, 1, 4, 2, 5]]


@pytest.mark.parametrize("timing", [Timing(processes=1), Timing(method="textbook")])
def test_jobs_of_one_process_keep_their_order(timing: Timing) -> None:
    assert numbers(in_groups(jobs(2, (7, 1, 2), timing))) == [[0, 1, 2, 3, 4, 5]]
    assert numbers(in_groups([job(number=number, kind=Toy) for number in (3, 1)])) == [[3, 1]]


def test_the_jobs_of_a_seed_are_in_one_group_if_they_fit() -> None:
    groups = numbers(in_groups(jobs(6, (0, 1, 2), Timing())))
    assert [{number % 3 for number in group} for group in groups] == [{0, 1}, {2}]


def test_a_group_is_never_larger_than_allowed() -> None:
    groups = in_groups(jobs(GROUP + 2, (0,), Timing()))
    assert [len(group) for group in groups] == [(GROUP + 2) // 2] * 2
