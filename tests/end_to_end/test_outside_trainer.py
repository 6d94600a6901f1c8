"""A model that another package's experiment has trained is deployed as the latest."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Finished, run_command
from tests.end_to_end.sweeping import TRIAL, trial_environment
from tests.reading import only_run


def _run(folder: Path, *words: str) -> Finished:
    command = ["-m", "runner", "--config-dir", str(TRIAL / "choices"), "tracking.dir=store", "device=cpu", *words]
    return run_command(*command, cwd=folder, env=trial_environment())


def test_the_latest_model_may_be_an_outsiders(tmp_path):
    trained = _run(tmp_path, "experiment=trial", "experiment.ends=modelling")
    assert trained.status == 0, trained.err
    quick = (
        "experiment.ways=[keras]",
        "experiment.seconds=0.05",
        "experiment.batch_sizes=[1]",
        "experiment.clients=[1]",
    )
    deployed = _run(tmp_path, "experiment=deployment", "experiment.source=latest", *quick)
    assert deployed.status == 0, deployed.err
    store = tmp_path / "store"
    assert only_run(store, "deployment").data.tags["source.run_id"] == only_run(store, "trial").info.run_id
