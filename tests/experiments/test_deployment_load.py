"""Open-loop load on clients that answer nothing, and what is said of the rates that backends sustain."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from experiments.deployment.arrivals import FEWEST_REQUESTS, UnderLoad, poisson_arrivals, under_load
from experiments.deployment.backend_result import BackendResult, ProcessResult
from experiments.deployment.backends import BACKENDS, BackendFailed
from experiments.deployment.load import Latency
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.sustained import Sustained
from experiments.validators import InvalidField

INPUTS = np.zeros((3, 2))


def test_arrivals_are_drawn_beforehand_and_again():
    arrivals, again, others = (poisson_arrivals(1000, 20.0, [0, process, 1000]) for process in (0, 0, 1))
    assert np.array_equal(arrivals, again)
    assert not np.array_equal(arrivals, others)
    gaps = np.diff(arrivals)
    assert gaps.mean() == pytest.approx(1e-3, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of an exponential distribution


def test_a_low_rate_has_enough_requests_for_a_percentile():
    assert len(poisson_arrivals(1, 0.1, [0])) == FEWEST_REQUESTS


def test_the_wait_for_others_counts():
    """One client of 5 ms, 100 requests in 0.1 s: a closed loop would tell of 5 ms, and of 20 requests."""

    def slow(inputs: Any) -> Any:
        time.sleep(0.005)

    found = under_load(lambda: slow, INPUTS, np.linspace(0.001, 0.1, 100), clients=1)
    assert found.requests == 100
    assert found.unanswered >= 59  # 0.2 s are enough for 40, and one has begun
    assert found.p99_ms > found.p50_ms > 50


def test_each_request_is_answered_once():
    asked = list[float]()

    def new_client() -> Any:
        return lambda inputs: asked.append(float(inputs[0, 0]))

    inputs = np.arange(1000.0)[:, None]
    found = under_load(new_client, inputs, np.linspace(0.001, 0.5, 100), clients=3)
    assert found.unanswered == 0
    assert sorted(asked) == sorted([0.0, 0.0, 0.0, *range(100)])  # three to warm up


def test_a_client_that_fails_is_heard():
    def fails(inputs: Any) -> Any:
        raise BackendFailed("no")

    with pytest.raises(BackendFailed, match="no"):
        under_load(lambda: fails, INPUTS, np.array([0.001]), clients=2)


def _result(p99_ms: dict[int, list[float]]) -> BackendResult:
    """A backend with these percentiles in its processes, by rate."""
    result = BackendResult(BACKENDS["onnx"], 1000, 0.0, None)
    for number in range(len(next(iter(p99_ms.values())))):
        loads = {rate: UnderLoad(levels[number] / 2, levels[number], 100, 0) for rate, levels in p99_ms.items()}
        result.processes[number] = ProcessResult(1.0, Latency(1.0, 1.0, 1.0, 100, ()), {}, loads)
    return result


@pytest.mark.parametrize(
    ("p99_ms", "highest", "verdicts"),
    [
        ({10: [1.0, 1.1, 0.9], 100: [2.0, 2.1, 1.9], 1000: [900, 1000, 950]}, 100, ["sustained"] * 2 + ["not sus"]),
        ({10: [1.0, 1.1, 0.9], 100: [2.0, 9.0, 12.0]}, 10, ["sustained", "unsure"]),
        ({10: [50.0, 51.0, 52.0], 100: [1.0, 1.1, 0.9]}, None, ["not sus", "sustained"]),
        ({10: [1.0]}, None, ["one process"]),
    ],
    ids=["overload", "unsure", "not-at-the-lower-rate", "one-process"],
)
def test_a_rate_is_sustained_by_verdict(p99_ms, highest, verdicts):
    sustained = Sustained([_result(p99_ms)], p99_ms=10.0)
    assert sustained.highest(sustained.results[0]) == highest
    rows = list(sustained.rows())
    assert all(str(row["verdict"]).startswith(words) for row, words in zip(rows, verdicts, strict=True))
    assert ("none for certain" in "".join(sustained.note())) == (highest is None)


def test_without_load_nothing_is_said():
    result = BackendResult(BACKENDS["onnx"], 1000, 0.0, None)
    result.processes[0] = ProcessResult(1.0, Latency(1.0, 1.0, 1.0, 100, ()), {})
    assert Sustained([result], p99_ms=10.0).note() == []


@pytest.mark.parametrize(
    ("wrong", "field_name", "problem"),
    [
        ({"arrivals": "poison"}, "arrivals", r"'poison' is not one of closed, poisson \(did you mean poisson\?\)"),
        ({"rate": [0]}, "rate", "0 is not a whole number from 1 to 1000000"),
        ({"rate": []}, "rate", "is empty"),
        ({"p99_ms": 0.0}, "p99_ms", "not a number above 0"),
        ({"arrivals": "poisson", "rate": [1]}, "timeout", "rate=1 may take 200 s; give more"),
        ({"load_seconds": 0.0}, "load_seconds", "not a number of at least 0.01"),
    ],
)
def test_wrong_fields(wrong, field_name, problem):
    with pytest.raises(InvalidField, match=problem) as raised:
        DeploymentSettings(**wrong)
    assert raised.value.field == field_name
