"""``replay=RUN`` up to the start of a job, on a small store that plain MLflow calls have written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from runner.cli.arguments import parse
from runner.cli.replay import Replay, replay_of
from runner.config.composing import composed
from runner.config.schema import register
from runner.execution.job import Job
from runner.tracking import tags
from runner.tracking.store import LocalStore
from tests.conftest import Finished
from tests.in_process import call_main

KEPT = {
    "square": ("experiment.shape=square", "experiment.sizes=[1,2]", "device=cpu"),
    "double": ("experiment.shape=square", "experiment.sizes=[1,2]", "device=cpu", "experiment.dtype=float64"),
    "gmm": ("experiment=gradient_cost", "experiment.workload.k=7", "device=cpu"),
    "kmeans": ("experiment=gradient_cost", "workload=kmeans", "device=cpu", "seed=2"),
    "point": ("experiment=autodiff", "experiment.expression='x*y'", "experiment.at={x:1,y:2}"),
}
"""The words with which the runs of the store were made, by their names."""


@dataclass
class Kept:
    """A store with one run for each of KEPT, and a few that cannot be replayed."""

    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = LocalStore(self.folder / "store").open()
        self.place = self.client.create_experiment("kept", (self.folder / "artifacts").as_uri())
        register()
        for name, words in KEPT.items():
            self.keep(name, Job(composed(words), words))
        job = Job(composed(()), ())
        self.keep("older", job, hash_of_question="0" * 16)
        self.keep("bare", job, with_config=False)
        self.keep("foreign", job, kind="nobody_has_it")
        self.keep("going on", job, status="RUNNING")
        self.keep("square", job)  # a second one of this name
        self.make("a sweep", {tags.KEY: "key", tags.COMMAND: "python -m runner -m seed=1,2"})

    def keep(
        self,
        name: str,
        job: Job,
        *,
        kind: str = "",
        hash_of_question: str = "",
        with_config: bool = True,
        status: str = "FINISHED",
    ) -> None:
        tagged = {
            tags.EXPERIMENT: kind or job.parts.experiment.name,
            tags.FINGERPRINT: f"{hash_of_question or job.question_hash}-machine",
        }
        run = self.make(name, tagged, status)
        for key, value in job.question.items():
            self.client.log_param(run, key, str(value))
        if with_config:
            config = OmegaConf.to_yaml(job.config, resolve=True).replace("uri: null", "uri: http://***@host:5000")
            self.client.log_text(run, config, "config.yaml")

    def make(self, name: str, tagged: dict[str, str], status: str = "FINISHED") -> str:
        run = str(self.client.create_run(self.place, 1000 * len(self.ids), tagged, name).info.run_id)
        if status != "RUNNING":
            self.client.set_terminated(run, status)
        self.ids.setdefault(name, run)
        return run

    def call(self, *words: str) -> Finished:
        """Call ``python -m runner``; ``<name>`` stands for the id of a run."""
        return call_main("tracking.dir=store", *map(self._named, words), cwd=self.folder)

    def _named(self, word: str) -> str:
        return re.sub(r"<(\w+)>", lambda name: self.ids[name[1]], word)

    def config(self, *words: str) -> Any:
        done = self.call(*words, "--cfg", "job")
        assert (done.status, done.err) == (0, "")
        return yaml.safe_load(done.out)

    def replay(self, *words: str) -> Replay:
        register()
        given = [f"tracking.dir={self.folder / 'store'}", *map(self._named, words)]
        found = replay_of(parse(given))
        assert found
        return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


def test_the_stored_config_is_composed_with_what_is_said_on_top(kept: Kept) -> None:
    found = kept.config("replay=<double>", "experiment.sizes=[5]", "device=gpu", "seed=9")
    assert found["experiment"] | {"sizes": [5], "dtype": "float64", "shape": "square"} == found["experiment"]
    assert (found["device"]["kind"], found["seed"]) == ("gpu", 9)
    assert (found["tracking"]["dir"], found["tracking"]["uri"]) == ("store", None)


def test_a_value_of_a_map_on_top_leaves_the_others(kept: Kept) -> None:
    assert kept.config("replay=point", "experiment.at={x:5}")["experiment"]["at"] == {"x": 5, "y": 2}


def test_another_choice_brings_its_own_values(kept: Kept) -> None:
    assert kept.config("replay=gmm")["experiment"]["workload"]["k"] == 7
    assert kept.config("replay=gmm", "workload=kmeans")["experiment"]["workload"]["k"] != 7


def test_one_config_is_repeated_without_the_store(kept: Kept) -> None:
    store = f"tracking.dir={kept.folder / 'store'}"
    assert kept.replay("replay=<square>", "seed=1").command == [
        "experiment=matmul", "device=cpu", "experiment.sizes=[1,2]", "experiment.shape=square", store, "seed=1",
    ]  # fmt: skip


def test_several_configs_differ_by_their_own_keys(kept: Kept) -> None:
    found = kept.replay("-m", "replay=<double>,<square>", "seed=1,2")
    assert found.replays.alternatives == [["experiment.dtype=float64"], ["experiment.dtype=float32"]]
    assert found.arguments.overrides[:4] == [
        "experiment=matmul", "device=cpu", "experiment.sizes=[1,2]", "experiment.shape=square",
    ]  # fmt: skip
    both = ",".join(kept.ids[name][:8] for name in ("double", "square"))
    assert found.command == [f"replay={both}", f"tracking.dir={kept.folder / 'store'}", "seed=1,2"]
    assert found.replays.run_id_of(["seed=1", "experiment.dtype=float32"]) == kept.ids["square"]


def test_keys_that_only_one_of_them_has(kept: Kept) -> None:
    gmm, kmeans = kept.replay("-m", "replay=gmm,kmeans").replays.alternatives
    assert gmm == ["experiment.workload.k=7", "workload=gmm", "seed=0"]
    assert kmeans[1:] == ["workload=kmeans", "seed=2"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay=nobody",), "nobody: there is no such run"),
        (("replay=square",), "square: 2 runs are called so; give the id of one: "),
        (("replay=latest~99",), "latest~99: there is no such run: "),
        (("replay=a sweep",), "a sweep: this is a sweep; name one of its jobs, or repeat it: python -m "),
        (("replay=going on",), "going on: this run is still going on; wait for its end"),
        (("replay=bare",), "bare: this run has kept no config"),
        (("replay=foreign",), "foreign: its experiment, nobody_has_it, is not installed here"),
        (("replay=older",), "older: its config.yaml does not belong to its fingerprint"),
        (("replay=",), "replay: give a run's id"),
        (("replay=gmm", "replay=kmeans"), "replay: name all runs in one word"),
        (("replay=gmm,kmeans",), "replay: several runs are the jobs of a sweep, which needs -m"),
        (("replay=gmm", "experiment=matmul"), "experiment: the stored config has an experiment already"),
        (("replay=gmm", "+preset=textbook"), "preset: the stored config has an experiment already"),
        (("-m", "replay=gmm,gmm"), "have the same config here, so nothing would be compared"),
        (("-m", "replay=<double>,<square>", "experiment.dtype=float32"), "have the same config here"),
        (("-m", "replay=gmm,kmeans", "hydra/sweeper=optuna"), "replay: a search goes on from one config"),
        (("replay=gmm", "experiment.workload.z=1"), "experiment.workload.z: no such key"),
        (("replay=gmm", "tracking.dir=nothing"), "there are no runs in"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line(kept: Kept, words: tuple[str, ...], says: str) -> None:
    done = kept.call(*words)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("runner: ")
    assert says in line
