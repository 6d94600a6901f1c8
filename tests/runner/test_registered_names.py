"""The name under which a training is registered, from what its user calls dataset and model."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.training import Training
from runner.config.composing import composed
from runner.config.schema import register
from runner.errors import UserError
from runner.execution.job import Job

OWN = """\
# @package experiment.dataset
defaults:
  - /schema/dataset/csv@_here_
  - _self_
path: people.csv
target: survived
"""


def _name(folder: Path, *overrides: str) -> str | None:
    register()
    (folder / "dataset").mkdir()
    (folder / "dataset" / "mytab.yaml").write_text(OWN)
    words = ["experiment=training", *overrides]
    training = Job(composed(words, folder), words).parts.experiment
    assert isinstance(training, Training)
    return training.name_in_registry


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "digits-mlp"),
        (["model=cnn", "dataset=digits"], "digits-cnn"),
        (["dataset=mytab"], "mytab-mlp"),
        (
            ["dataset=csv", "experiment.dataset.path=/data/my people.csv", "experiment.dataset.target=a"],
            "my people-mlp",
        ),
        (["dataset=images", "experiment.dataset.path=pictures/"], "pictures-mlp"),
        (["model=keras_file", "experiment.model.path='über @ll.keras'"], "digits-über -ll"),
        (["dataset=mytab", "experiment.registered_name=tab"], "tab"),
        (["experiment.registered_name=null"], None),
    ],
)
def test_the_name_is_what_the_user_calls_dataset_and_model(tmp_path, overrides, name):
    assert _name(tmp_path, *overrides) == name


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["experiment.promote=latest"], "experiment.promote: 'latest' cannot be an alias"),
        (["experiment.promote=v3"], "cannot be an alias"),
        (["experiment.promote='a b'"], "cannot be an alias"),
        (["experiment.promote=champion", "experiment.registered_name=null"], "nothing is registered"),
    ],
)
def test_an_alias_that_cannot_be_is_refused(tmp_path, overrides, says):
    with pytest.raises(UserError, match=says):
        _name(tmp_path, *overrides)
