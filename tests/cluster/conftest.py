"""One Slurm and one PostgreSQL for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster import postgres_machine, slurm_machine
from tests.cluster.postgres_machine import PostgresMachine
from tests.cluster.slurm_machine import SlurmMachine


def _absent(reason: str) -> None:
    """Skip the test; in continuous integration, where everything must be installed, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmMachine]:
    if missing := slurm_machine.missing():
        _absent(f"no {', '.join(missing)} here: apt-get install slurm-wlm munge")
    if os.getuid() != 0:
        _absent("only root can run Slurm's daemons without setting the machine up")
    with SlurmMachine() as machine:
        yield machine


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresMachine]:
    if postgres_machine.programs() is None:
        _absent("no PostgreSQL server here: apt-get install postgresql")
    with PostgresMachine() as machine:
        yield machine
