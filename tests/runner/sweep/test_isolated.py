"""The order in which the jobs of a sweep begin."""

import pytest
from omegaconf import OmegaConf

from runner.execution.job import Job
from runner.sweep.isolated import seed_by_seed


def jobs(processes: int | None) -> list[Job]:
    """The jobs of ``mode=eager,graph seed=7,1,2``, as Hydra orders them."""
    timing = {} if processes is None else {"timing": {"processes": processes}}
    configs = [
        {"seed": seed, "experiment": {"mode": mode, "seed": "${seed}"} | timing}
        for mode in ("eager", "graph")
        for seed in (7, 1, 2)
    ]
    return [Job(OmegaConf.create(config), [], number) for number, config in enumerate(configs)]


@pytest.mark.parametrize(
    ("processes", "order"),
    [(5, [0, 3, 1, 4, 2, 5]), (1, [0, 1, 2, 3, 4, 5]), (None, [0, 1, 2, 3, 4, 5])],
)
def test_jobs_of_the_same_seed_begin_together_where_jobs_take_turns(processes, order):
    assert [job.number for job in seed_by_seed(jobs(processes))] == order
