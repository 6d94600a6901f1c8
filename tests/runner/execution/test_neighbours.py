"""The warning before anything is measured beside busy programs."""

from __future__ import annotations

import pytest

from experiments.runtime.disturbance import Disturbance
from runner.execution import neighbours
from tests.runner.execution.conftest import House
from tests.runner.jobs import TimedToy, Toy, job


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Other programs take the parameter's share of the machine between any two looks."""
    looks = iter(Disturbance(look, 2 * look, (2 * request.param + 0.5) * look, 0.5 * look) for look in range(100))
    monkeypatch.setattr(neighbours, "since_start", lambda own: next(looks))


WARNING = "warning: other programs take 34% of this machine; what is measured now may take longer for it"


@pytest.mark.parametrize(
    ("busy", "kind", "lines"),
    [(0.34, TimedToy, [WARNING]), (0.09, TimedToy, []), (0.34, Toy, [])],
    indirect=["busy"],
)
def test_busy_neighbours_are_told_of_once_where_times_are_measured(
    busy: None, house: House, kind: type[Toy], lines: list[str]
) -> None:
    house.run(job(x=1, kind=kind), job(x=2, number=1, kind=kind))
    assert [line for line in house.view.lines if "warning" in line] == lines
    assert not lines or house.view.lines.index(WARNING) < house.view.lines.index("0 goes on")
