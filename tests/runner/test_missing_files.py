"""Files that a config names are looked for before TensorFlow starts."""

from __future__ import annotations

from unittest import mock

import pytest

from tests.runner.test_errors_of_users import complaint

TRAINING = "experiment=training"


@pytest.mark.parametrize("multirun", [(), ("-m", "seed=1,2"), ("plan=true",)], ids=["run", "sweep", "plan"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([TRAINING, "dataset=npz", "experiment.dataset.path=gone.npz"], "experiment.dataset: gone.npz: cannot be read"),
        ([TRAINING, "dataset=csv", "experiment.dataset.path=gone.csv", "experiment.dataset.target=y"], None),
        ([TRAINING, "dataset=images", "experiment.dataset.path=gone"], "experiment.dataset: gone: cannot be read"),
        ([TRAINING, "model=keras_file", "experiment.model.path=gone.keras"], "experiment.model: "),
        (["experiment=deployment", "experiment.source=./gone.keras"], "experiment.source=./gone.keras: there is no /"),
        (["experiment=deployment", "experiment.source=~/gone"], "experiment.source=~/gone: there is no /"),
        (["experiment=deployment", f"experiment.source=./{'x' * 300}"], "experiment.source=./xx"),
    ],
    ids=["npz", "csv", "images", "keras_file", "source", "folder", "long"],
)
def test_a_file_that_is_not_there_starts_nothing(main, store, multirun, words, says):
    with mock.patch("runner.execution.fork_servers.ForkServer", side_effect=AssertionError("TensorFlow would start")):
        line = complaint(main(*multirun, *words))
    assert line.startswith(says or "experiment.dataset: gone.csv: cannot be read")
    assert not (store / "mlflow.db").exists()
