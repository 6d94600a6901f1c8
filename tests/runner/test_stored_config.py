"""The config that a run has kept becomes the words that compose it again."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from experiments.experiment import Experiment
from runner.config.composing import composed
from runner.config.schema import register
from runner.config.stored_config import read_values, require_same_version, words_of_config
from runner.errors import UserError
from runner.execution.job import Job
from tests.runner.test_question import QUESTIONS


def job_of(*words: str) -> Job:
    register()
    return Job(composed(words), words)


def kept_by(job: Job) -> tuple[type[Experiment], dict[str, Any]]:
    """What a run keeps of a job: its experiment, its config.yaml, and the names of choices among its parameters."""
    kind = type(job.parts.experiment)
    chosen = {key: job.question[key] for key in (f"experiment.{group}" for group in kind.choices)}
    return kind, read_values(OmegaConf.to_yaml(job.config, resolve=True)) | chosen


@pytest.mark.parametrize(
    "words",
    [
        *QUESTIONS,
        ("experiment=training", "model=lstm", "experiment.model.units=[3]", "seed=5", "experiment.seed=2"),
        ("experiment=autodiff", "experiment.expression='sum(A*x)'", "experiment.at={A:[[1,2.5]],x:[1e-5,2]}"),
        ("experiment=deployment", "experiment.source='a, \"b\" = c'", "device=gpu", "device.index=1"),
    ],
)
def test_the_same_config_is_composed_again(words: tuple[str, ...]) -> None:
    stored = job_of(*words)
    kind, values = kept_by(stored)
    require_same_version(kind, values, stored.question_hash)
    again = words_of_config(kind, values, None)
    assert job_of(*again).question == stored.question
    assert len(again) <= max(len(words), 1) + 1  # what is the default's needs no word


def test_the_seed_leads_what_follows_it() -> None:
    kind, values = kept_by(job_of("seed=4"))
    assert words_of_config(kind, values, None) == ["experiment=matmul", "seed=4"]


def test_an_older_version_is_refused() -> None:
    stored = job_of("experiment=autodiff")
    kind, values = kept_by(stored)
    older = type("Older", (kind,), {"version": kind.version + 1})
    with pytest.raises(UserError, match=f"was version {kind.version} then and is {kind.version + 1} now"):
        require_same_version(older, values, stored.question_hash)
    with pytest.raises(UserError, match="does not belong to its fingerprint"):
        require_same_version(kind, values | {"seed": 1}, stored.question_hash)


def test_a_key_that_is_gone_is_named() -> None:
    kind, values = kept_by(job_of())
    with pytest.raises(UserError, match=r"experiment\.colour: there is no such key any more"):
        words_of_config(kind, values | {"experiment.colour": "red"}, None)


def test_a_key_that_is_new_keeps_its_default() -> None:
    kind, values = kept_by(job_of("experiment.dtype=float64"))
    del values["experiment.mode"]
    assert words_of_config(kind, values, None) == ["experiment=matmul", "experiment.dtype=float64"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: ${oc.env:HOME}", "refers from seed to elsewhere"),
        ("experiment: {sizes: ['${oc.env:HOME}']}", "refers from experiment.sizes to elsewhere"),
        ("seed: !!python/object/apply:os.system ['touch owned']", "cannot be read"),
        ("seed: [1", "cannot be read"),
        ("- 1", "holds no keys"),
    ],
)
def test_nothing_in_it_is_followed_or_called(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_values(text)


def test_the_store_and_the_sweep_are_none_of_it() -> None:
    text = "{seed: 1, tracking: {uri: 'http://***@host:5000'}, sweep: {metric: loss}}"
    assert read_values(text) == {"seed": 1}
