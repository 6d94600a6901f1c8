"""What an experiment hands over is checked where it does so, with the words of its own author."""

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric

from runner.execution.recording import RecordBuffer

NAMES = [
    "loss",
    "time/median us",
    ".hidden",
    "a.b:c-d",
    "größe",
    "x" * 250,
    "x" * 251,
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "a/./b",
    ".",
    "..",
    "../a",
    "..a",
    "share %",
    "a\nb",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_metric_is_refused_if_mlflow_would(name):
    """MLflow would do so much later, and it would look like a fault of the store."""
    assert _taken_by_us(name) == _taken_by_mlflow(name)


def _taken_by_us(name: str) -> bool:
    try:
        RecordBuffer().metric(name, 1.0)
    except ValueError:
        return False
    return True


def _taken_by_mlflow(name: str) -> bool:
    try:
        _validate_metric(name, 1.0, 0, 0)
    except MlflowException:
        return False
    return True
