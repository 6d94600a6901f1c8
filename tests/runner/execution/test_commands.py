"""Every command that the product prints works when it is pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from experiments.reporting.commands import override
from experiments.training.answer import TrainingAnswer
from runner.cli.arguments import parse
from runner.cli.store_words import store_of
from runner.execution.job import Job
from runner.sweep.parent import new_parent
from runner.tracking import tags
from runner.tracking.sources import SourceNotFound, find
from runner.tracking.store import LocalStore, ServerStore
from tests.in_process import call_main
from tests.runner.execution.conftest import House
from tests.runner.jobs import job
from tests.runner.memory_store import artifact

NAMES = [
    "Zählung",
    "a,b",
    "[a] {b}",
    "two  words",
    "1e5",
    "it's",
    'say "so"',
    "猫",
    "back\\",
    "a=b:c",
    "x(y)",
    "${HOME}x$(id)",
]


def config_of(printed: str, folder: Path) -> dict:
    """The config that a printed command composes. ``shlex`` reads it as a POSIX shell does."""
    python, flag, module, *words = shlex.split(printed)
    assert (python, flag, module) == ("python", "-m", "runner")
    words = [word for word in words if word != "-m"]  # --cfg shows a single job
    shown = call_main(*words, "--cfg", "job", cwd=folder)
    assert shown.status == 0, shown.err
    return yaml.safe_load(shown.out)


@pytest.mark.parametrize("name", [name for name in NAMES if "$" not in name])
def test_the_command_that_serves_a_model(name, tmp_path):
    """With its store: elsewhere there is no such model."""
    answer = SimpleNamespace(store_words=LocalStore(tmp_path / name).words)
    config = config_of(TrainingAnswer._served(answer, f"models:/{name}"), tmp_path)
    assert config["experiment"]["source"] == f"models:/{name}"
    assert config["tracking"]["dir"] == str(tmp_path / name)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_the_command_that_serves_the_ui(name, tmp_path):
    store = LocalStore(tmp_path / name)
    python, flag, module, *words = shlex.split(store.ui_hint)
    assert (python, flag, module) == ("python", "-m", "runner.ui")
    found = store_of(words)
    assert isinstance(found, LocalStore)
    assert found.folder == store.folder


@pytest.mark.parametrize("name", NAMES[:-1])
def test_the_commands_that_runs_keep(name, house: House, tmp_path):
    words = parse([override("experiment.registered_name", name), "experiment=training"]).overrides
    house.run(job(overrides=words))
    (run,) = house.store.client.runs()
    printed = artifact(run, "config.yaml").splitlines()[0].removeprefix("# ")
    assert config_of(printed, tmp_path)["experiment"]["registered_name"] == name

    parent = new_parent(house.context, Job(job().config, words), words)
    printed = house.store.client.get_run(parent.id).data.tags[tags.COMMAND]
    assert config_of(printed, tmp_path)["experiment"]["registered_name"] == name


def test_the_command_that_trains_a_model_where_there_is_none(house: House, tmp_path):
    house.context.open(print)
    store = ServerStore("http://host:5000")
    with pytest.raises(SourceNotFound) as missing:
        find(house.store.client, "latest", tmp_path, None, store.words)
    config = config_of(str(missing.value).partition("run '")[2].removesuffix("' first, or name a file"), tmp_path)
    assert config["experiment"]["model"]
    assert config["tracking"]["uri"] == "http://host:5000"


def test_the_command_of_a_grid(main, tmp_path):
    words = ["+preset=threads", override("tracking.experiment", "a,b [c]")]
    problem = main(*words).err
    printed = problem.strip().partition("which needs -m: ")[2]
    assert config_of(printed, tmp_path)["tracking"]["experiment"] == "a,b [c]"


def test_a_command_keeps_the_folder_of_its_choices(house: House, tmp_path):
    (tmp_path / "my choices" / "preset").mkdir(parents=True)
    (tmp_path / "my choices" / "preset" / "mine.yaml").write_text("# @package _global_\nseed: 12\n")
    arguments = parse(["--config-dir", str(tmp_path / "my choices"), "+preset=mine"])
    house.run(Job(job().config, arguments.overrides, flags=arguments.composing))
    (run,) = house.store.client.runs()
    printed = artifact(run, "config.yaml").splitlines()[0].removeprefix("# ")
    assert config_of(printed, tmp_path)["seed"] == 12


def test_passwords_are_not_kept(house: House):
    house.run(job(overrides=["tracking.uri=http://me:secret@host"]))
    (run,) = house.store.client.runs()
    assert "secret" not in artifact(run, "config.yaml")
