"""The reference is what the code says today."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
import yaml

from documenting.reference import FINDINGS, PAGE, page
from runner.config.schema import experiment_called
from tests.conftest import ROOT

OURS = re.compile(
    r"KERAS_BACKEND|LAB_KERAS_HOME|TF_USE_LEGACY_KERAS|HYDRA_FULL_ERROR|MPLBACKEND|PATH|MLFLOW_TRACKING_URI"
)
"""Variables that the program sets for itself or its processes."""

READ = re.compile(r"""environ(?:\.get\(|\[)\s*"(\w+)"(?!\]\s*=)""")
NAMED = re.compile(r'"(MLFLOW_TRACKING_\w+)"')


def test_it_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m documenting.reference"


def test_it_has_every_environment_variable_that_is_read() -> None:
    sources = [path.read_text() for name in ("runner", "experiments") for path in (ROOT / name).rglob("*.py")]
    read = {name for source in sources for name in [*READ.findall(source), *NAMED.findall(source)]}
    known = set(yaml.safe_load(FINDINGS.read_text())["variables"])
    assert {name for name in read if not OURS.fullmatch(name)} <= known
    assert {"CUDA_VISIBLE_DEVICES", "MLFLOW_TRACKING_TOKEN"} <= read


@pytest.mark.parametrize("name", ["autodiff", "deployment", "gradient_cost", "operators", "training"])
def test_what_an_experiment_tolerates_are_metrics_that_it_has(name: str) -> None:
    """Otherwise ``runner.compare`` would hold nothing against them, and say nothing of it."""
    metrics = {metric.removesuffix(" ?") for metric in yaml.safe_load(FINDINGS.read_text())[name]["metrics"]}
    kind = experiment_called(name)
    assert kind
    stated = kind.tolerances({"experiment.dtype": "float32", "experiment.precision": "float32"})
    assert stated
    for one in stated:
        assert any(fnmatchcase(one, metric) or fnmatchcase(metric, one) for metric in metrics), one
