"""The jobs that no other one beats in every metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.validators import InvalidField
from runner.config.sweep_settings import Objective, SweepSettings
from runner.sweep.pareto import Candidate, pareto_figure, pareto_front

POINTS = [(1.0, 5.0), (2.0, 3.0), (2.0, 4.0), (3.0, 3.0), (4.0, 1.0), (4.0, 1.0)]


@pytest.mark.parametrize(
    ("directions", "front"),
    [
        (("minimize", "minimize"), [0, 1, 4, 5]),  # equal ones are both on it
        (("minimize", "maximize"), [0]),
        (("maximize", "minimize"), [4, 5]),
        (("maximize", "maximize"), [0, 2, 3, 4, 5]),
    ],
)
def test_a_front(directions: tuple[str, str], front: list[int]) -> None:
    candidates = [Candidate(number, f"job {number}", values) for number, values in enumerate(POINTS)]
    objectives = [Objective(name, direction) for name, direction in zip("ab", directions, strict=True)]
    assert [one.number for one in pareto_front(candidates, objectives)] == front


@pytest.mark.parametrize("metrics", [2, 3])
def test_a_figure_has_each_pair_of_metrics(metrics: int, tmp_path: Path) -> None:
    candidates = [Candidate(n, f"job {n}", [n + 1.0, 9.0 - n, (n - 4.0) ** 2][:metrics]) for n in range(9)]
    objectives = [Objective(name) for name in ("time/median_us", "best/val_loss", "size")[:metrics]]
    figure = pareto_figure(candidates, objectives)
    assert len(figure.axes) == {2: 1, 3: 3}[metrics]
    assert figure.axes[-1].get_ylabel() == f"{objectives[-1].metric} (minimize)"
    assert {text.get_text() for text in figure.axes[0].texts} >= {"0", "8"}
    figure.savefig(tmp_path / "pareto.png")


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({"direction": "up"}, "direction", "'up' is not one of minimize, maximize"),
        ({"metric": 3}, "metric", "3 is neither the name of a metric nor a list of names"),
        ({"metric": []}, "metric", "name at least one metric"),
        ({"metric": ["a", "a"]}, "metric", "each once"),
        ({"metric": ["a", "b"]}, "direction", r"as many are needed .* such as \[minimize,maximize\]"),
        ({"metric": "a", "direction": ["minimize", "maximize"]}, "direction", "as many are needed"),
    ],
)
def test_objectives_are_checked(settings: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as caught:
        SweepSettings(**settings)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_objectives() -> None:
    assert SweepSettings().objectives == []
    assert SweepSettings(metric="a").objectives == [Objective("a", "minimize")]
    both = SweepSettings(metric=["a", "b"], direction=["minimize", "maximize"])
    assert both.objectives == [Objective("a", "minimize"), Objective("b", "maximize")]
