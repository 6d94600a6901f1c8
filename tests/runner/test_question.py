"""What belongs to the question: of a job, a sweep, a search, and of a run's name, in every spelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.config.composing import CONF
from runner.config.question import (
    CAME_LATER,
    OBJECTIVE,
    RESUMING,
    ZIP,
    asked,
    fingerprint,
    is_asked,
    key_of,
    question,
    question_hash,
    study_name,
    sweep_key,
)
from runner.config.run_name import words_of
from runner.config.schema import all_keys, experiments, register
from runner.config.sweep_settings import SweepSettings
from runner.config.tracking_settings import Tracking
from runner.execution.job import Job

ASKED = ["experiment=matmul", "experiment.shape=inner,square", "device=cpu", "+preset=dtypes", "~seed", "seed=3"]


def _of_hydra(schema: Any, prefix: str) -> Iterator[str]:
    """Every key that Hydra itself declares below ``hydra``."""
    for field in fields(schema):
        yield f"{prefix}{field.name}"
        if isinstance(field.type, type) and is_dataclass(field.type):
            yield from _of_hydra(field.type, f"{prefix}{field.name}.")


def _of_plugins() -> Iterator[str]:
    """Every key of our launchers and sweepers."""
    for path in sorted((CONF / "hydra").glob("*/*.yaml")):
        yield from (f"hydra.{path.parent.name}.{key}" for key in yaml.safe_load(path.read_text()))


KEYS = [
    *(f"tracking.{field.name}" for field in fields(Tracking)),
    *(f"sweep.{field.name}" for field in fields(SweepSettings)),
    *sorted({*_of_hydra(HydraConf, "hydra."), *_of_plugins()}),
    "tracking",
    "sweep",
]
GROUPS = ["tracking", "hydra/launcher", "hydra/job_logging", "hydra/hydra_logging", "hydra/output", "hydra/help"]


def _values(key: str) -> Iterator[str]:
    """A key in every spelling that Hydra reads."""
    yield from (f"{sign}{key}{equals}x" for sign in ("", "+", "++", "~") for equals in ("=", "= "))
    yield from (f"~{key}", f"{key}=", f"{key}='a b'", f"{key}={{a:1}}", f"{key}=[1,2]", f"+{key}='a=b'")


def _choices(group: str) -> Iterator[str]:
    yield from (f"{sign}{group}=x" for sign in ("", "+", "++", "~"))
    yield from (f"~{group}", f"{group}@{group.replace('/', '.')}=x", f"+{group}@_global_=x", f"{group}=[a,b]")


SPELLINGS = [word for key in KEYS for word in _values(key)] + [word for group in GROUPS for word in _choices(group)]


def test_hydra_reads_these_spellings_as_we_do() -> None:
    parser = OverridesParser.create()
    keys = {"tracking.dir", "sweep", "hydra.launcher.n_jobs", "hydra/launcher"}  # the others are spelt alike
    for word in (word for word in SPELLINGS if key_of(word) in keys):
        assert parser.parse_override(word).key_or_group == key_of(word), word


@pytest.mark.parametrize("key", [key for key in (*KEYS, *GROUPS) if key != ZIP])
def test_where_and_how_is_no_part_of_the_question(key: str) -> None:
    words = [word for word in SPELLINGS if key_of(word) == key]
    assert len(words) >= 8
    assert not is_asked(key)
    assert question([(key, 1), ("seed", 2)]) == {"seed": 2}
    for word in words:
        assert asked([*ASKED, word]) == ASKED, word
        assert sweep_key([*ASKED, word]) == sweep_key(ASKED), word
        assert words_of([*ASKED, word]) == words_of(ASKED), word


def test_every_other_key_is_part_of_it() -> None:
    parts = ("tracking", "sweep")
    others = [key for key in all_keys() if key.partition(".")[0] not in parts]
    assert {"seed", "device.tf32", "experiment.timing.target"} <= set(others)
    for key in others:
        assert is_asked(key), key
        assert asked([f"{key}=1"]) == [f"{key}=1"], key
        assert sweep_key([f"{key}=1"]) != sweep_key([]), key
        assert study_name([f"{key}=1"], "loss") != study_name([], "loss"), key


@pytest.mark.parametrize("group", ["trackings", "sweeping.x", "hydras", "preset", "dataset/tracking"])
def test_a_name_that_only_begins_alike_is_another(group: str) -> None:
    assert is_asked(group)


def test_a_search_and_a_grid_are_two_sweeps() -> None:
    """But one question: a job does not know who has chosen it, and neither does a name say so."""
    assert sweep_key([*ASKED, "hydra/sweeper=optuna"]) != sweep_key(ASKED)
    assert words_of([*ASKED, "hydra/sweeper=optuna"]) == words_of(ASKED)
    assert not is_asked("hydra/sweeper")


def test_what_goes_together_makes_another_sweep_of_the_same_questions() -> None:
    assert sweep_key([*ASKED, "sweep.zip=[a,b]"]) != sweep_key(ASKED)
    assert words_of([*ASKED, "sweep.zip=[a,b]"]) == words_of(ASKED)
    assert not is_asked(ZIP)


# Hydra hands no hydra.* to a sweeper, so n_trials, seed, sampler and the launcher never tell two studies apart.
OF_A_STUDY = {
    **dict.fromkeys(("sweep.resume", "sweep.retry_failed", "sweep.retry_running", "sweep.accept_other_code"), False),
    **dict.fromkeys(("sweep.refine", "sweep.refine_seconds", ZIP), False),
    **dict.fromkeys(("sweep.metric", "sweep.direction"), True),
    **{f"tracking.{field.name}": True for field in fields(Tracking)},
}
"""Whether a key tells two studies apart: not how a search goes on, but what is improved and where runs are kept."""


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith(("sweep.", "tracking."))])
def test_what_tells_two_studies_apart(key: str) -> None:
    for word in _values(key):
        assert (study_name([*ASKED, word], "loss") != study_name(ASKED, "loss")) == OF_A_STUDY[key], word


def test_each_key_of_sweep_is_an_objective_or_says_how_it_goes_on() -> None:
    assert {*OBJECTIVE, *RESUMING} == {"sweep", *(f"sweep.{field.name}" for field in fields(SweepSettings))}
    assert not {*OBJECTIVE} & {*RESUMING}


def test_the_order_of_a_command_does_not_matter() -> None:
    assert sweep_key(ASKED[::-1]) == sweep_key(ASKED)
    assert study_name(ASKED[::-1], "loss") == study_name(ASKED, "loss")
    assert study_name(ASKED, "loss") != study_name(ASKED, "accuracy")


# Stores written by earlier versions: these values must never change, but for an experiment whose version was raised.

QUESTIONS = {
    (): "bbcc8103b9c6a00f",
    ("tracking.dir=elsewhere", "sweep.resume=true", "sweep.metric=loss"): "bbcc8103b9c6a00f",
    ("device.tf32=false",): "a1829f2dd79be857",
    ("experiment=matmul", "experiment.sizes=[1,10]", "device=cpu"): "3b2211232b3b6e67",
    ("+preset=textbook",): "1737ee2c5d5107be",
    ("experiment=autodiff", "experiment.expression='x*y'", "experiment.at={x:1,y:2}"): "c1a9ba977a771cd1",
    ("experiment=gradient_cost",): "d5a9596cf07b974e",
    ("experiment=gradient_cost", "workload=mlp", "device=cpu"): "551763d5daa4be42",
    ("experiment=operators",): "a99060bd744fac76",
    ("experiment=training",): "e93522871b4f95e1",
    ("experiment=training", "model=cnn", "dataset=mnist", "optimizer=sgd", "seed=3"): "15b13e2b47e6a66c",
    ("experiment=deployment",): "434251b7462bf917",
}


def test_a_key_that_came_later_changes_the_hash_only_with_its_other_values() -> None:
    before = question_hash({"seed": 0}, 3)
    for key, as_before in CAME_LATER.items():
        assert question_hash({"seed": 0, key: as_before}, 3) == before
        assert question_hash({"seed": 0, key: "otherwise"}, 3) != before


@pytest.mark.parametrize("overrides", QUESTIONS)
def test_stored_runs_keep_their_question(overrides: tuple[str, ...]) -> None:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        job = Job(compose("config", list(overrides)), overrides)
    assert job.question_hash == QUESTIONS[overrides]


def test_each_experiment_has_a_stored_question() -> None:
    named = {word.partition("=")[2] for overrides in QUESTIONS for word in overrides if word.startswith("experiment=")}
    assert named == {kind.name for kind in experiments()}


def test_stored_runs_keep_their_fingerprint() -> None:
    machine = {"cpu": "Z80", "cores": 2, "usable_cores": 2, "memory_bytes": 65536, "host": "a"}
    here = {"machine": machine, "gpus": [{"name": "A100"}]}
    assert fingerprint(question_hash({"seed": 0, "device.tf32": None}, 3), here) == "e464c2b7d7c1ba26-9c4013ea"


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (["device=cpu,gpu", "experiment.shape=inner,square"], "621ca35ead67a14d"),
        (["+preset=cpu_vs_gpu", "tracking.dir=x", "sweep.resume=true", "hydra.launcher.n_jobs=2"], "af9db20eac455537"),
        (["hydra/sweeper=optuna", "sweep.metric=loss", "x=1,2", "hydra.sweeper.n_trials=3"], "b5373aa7905733c8"),
        (["hydra/launcher=slurm", "a=1"], "b9a996b9a5060d85"),
    ],
)
def test_stored_sweeps_keep_their_key(command: list[str], key: str) -> None:
    assert sweep_key(command) == key


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["a=1,2", "b=3"], "loss 1e8037c1a6"),
        (["+a=1,2", "sweep.resume=true", "~b"], "loss 9ec619513d"),
        (
            ["a=1,2", "b=3", "sweep.metric=loss", "sweep.direction=maximize", "tracking.dir=s", "tracking.kind=local"],
            "loss 358beb9d54",
        ),
    ],
)
def test_stored_studies_keep_their_name(command: list[str], name: str) -> None:
    assert study_name(command, "loss") == name
