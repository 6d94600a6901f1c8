"""Composing the jobs of a sweep quickly gives what Hydra gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict

from runner.config.schema import register
from runner.sweep.composition import Composition
from tests.conftest import ROOT


@pytest.fixture
def hydra():
    register()
    GlobalHydra.instance().clear()
    yield Hydra.create_main_hydra2("runner", create_config_search_path(str(Path(ROOT, "conf"))))
    GlobalHydra.instance().clear()


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["device=cpu", "seed=7", "experiment.timing.target=0.1"],
        ["+preset=textbook", "experiment.sizes=[1,2]", "device=gpu", "device.onednn=true"],
        ["experiment.sizes=[3]", "experiment=matmul", "tracking=server", "tracking.uri=http://x"],
        ["seed=1", "experiment.seed=5", "seed=2"],
        ["+unknown=1", "seed=4"],
        ["experiment=gradient_cost", "workload=kmeans", "experiment.workload.k=5", "seed=4"],
        ["+preset=gradient_cost", "workload=mlp"],
    ],
)
def test_as_hydra_composes(hydra, overrides):
    master = hydra.compose_config("config", ["seed=3"], run_mode=RunMode.MULTIRUN)
    expected = hydra.config_loader.load_sweep_config(master, overrides)
    with open_dict(expected):
        del expected["hydra"]
    composition = Composition(hydra.config_loader, master)
    for _ in range(2):  # the second one from what the first has left
        composed = composition.compose(overrides)
        assert OmegaConf.to_yaml(composed, resolve=True) == OmegaConf.to_yaml(expected, resolve=True)
        assert OmegaConf.get_type(composed.experiment) is OmegaConf.get_type(expected.experiment)
