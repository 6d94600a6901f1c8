"""The words of a command line: flags, overrides, and the version."""

from __future__ import annotations

import math
import os
import shlex

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner import __version__
from runner.cli.arguments import parse
from runner.errors import UserError
from tests.in_process import call_main


@pytest.mark.parametrize("words", [["--version"], ["experiment=matmul", "--version"], ["--version", "-m", "seed=1,2"]])
def test_the_version_is_ours(tmp_path, words):
    done = call_main(*words, cwd=tmp_path)
    assert (done.status, done.out, done.err) == (0, f"tensorflow-lab-bench {__version__}\n", "")


def test_the_help_names_it(tmp_path):
    assert "--version prints the version of this program" in call_main("--help", cwd=tmp_path).out


def test_flags_and_overrides_in_any_order():
    found = parse(["seed=1", "-m", "--config-dir", "conf", "device=cpu"])
    assert found.overrides == ["seed=1", "device=cpu"]
    assert found.in_order == ["-m", "--config-dir", "conf", "seed=1", "device=cpu"]
    assert found.config_dir is not None
    assert found.config_dir.is_absolute()
    assert found.multirun
    assert not found.wants_help
    assert not found.wants_version


def test_a_multirun_cannot_be_printed():
    with pytest.raises(UserError, match="--cfg and --info show one job: leave out -m, and give each key one value"):
        parse(["-m", "seed=1,2", "--cfg", "job"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("experiment.expression=x**2", "experiment.expression=x**2"),
        ("experiment.expression=dot(a,b),sin(x)", "experiment.expression='dot(a,b)','sin(x)'"),
        ("experiment.expression='sin(x)'", "experiment.expression='sin(x)'"),
        ("seed=range(1,5)", "seed=range(1,5)"),
    ],
)
def test_a_formula_needs_no_quotes(written, read):
    assert parse([written]).overrides == [read]


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("experiment.registered_name=1e5", ["1e5"]),
        (
            "experiment.registered_name=1e5,2_0,true,0x10,007,1.10,nan",
            ["1e5", "2_0", "true", "0x10", "007", "1.10", "nan"],
        ),
        ("++experiment.registered_name=choice(1e5,2026-11-27)", ["1e5", "2026-11-27"]),
        ("experiment.registered_name=sort(choice('2e5',ü,1e5))", ["1e5", "2e5", "ü"]),
        ("experiment.registered_name=null", [None]),
        ("experiment.registered_name=${seed}", ["${seed}"]),
        ("tracking.experiment=2026_01", ["2026_01"]),
        ("experiment=2026_01", ["2026_01"]),
        ("hydra.launcher.account=12e3", ["12e3"]),
        ("experiment.dataset.class_names=[1e5,0_1,null,-0.0]", [["1e5", "0_1", "null", "-0.0"]]),
        ("experiment.dataset.class_names=[1e5],[2e5]", [["1e5"], ["2e5"]]),
        ("experiment.dataset.class_names=[猫,狗]", [["猫", "狗"]]),
        ("experiment.dataset.class_names=[l'eau,'a,b',c(d),e=f,10 %]", [["l'eau", "a,b", "c(d)", "e=f", "10 %"]]),
        ("experiment.registered_name=Zählung 1,ö", ["Zählung 1", "ö"]),
        ("tracking.uri=http://host/?a=b", ["http://host/?a=b"]),
        ("tracking.dir=~/Läufe", ["~/Läufe"]),
        ("experiment.sizes=[1e3,1E4,1_000,2.5e1]", [[1000, 10000, 1000, 25]]),
        ("experiment.epochs=1e2,1.5e0,1e999", [100, 1.5, math.inf]),
        ("experiment.epochs=range(1e1,3e1,1e1)", [10, 20]),
        ("experiment.model.c=1e-3", [0.001]),
        ("seed=1e30", [1e30]),
    ],
)
def test_each_value_is_what_its_key_wants(word, values):
    """In a single run, and in each job of a sweep, whose words the sweeper writes anew."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # here: Hydra loads its plugins again

    parser = OverridesParser.create()
    (jobs,) = BasicSweeper(None).split_arguments(parser.parse_overrides(parse([word]).overrides), None)
    assert repr([parser.parse_override(job).value() for (job,) in jobs]) == repr(values)  # of the same types, too


def test_names_that_look_like_numbers_reach_the_config(main):
    shown = main(
        *("experiment=training", "dataset=npz", "experiment.epochs=1e2", "tracking.experiment=2026_01", "--cfg", "job"),
        *(
            "experiment.registered_name=Zählung 1e5",
            "experiment.dataset.path=x.npz",
            "experiment.dataset.class_names=[1e5,猫]",
        ),
    )
    config = yaml.safe_load(shown.out)
    assert (config["experiment"]["epochs"], config["tracking"]["experiment"]) == (100, "2026_01")
    assert config["experiment"]["registered_name"] == "Zählung 1e5"
    assert config["experiment"]["dataset"]["class_names"] == ["1e5", "猫"]


@pytest.mark.parametrize(
    ("words", "where", "quoted"),
    [
        (["experiment.at=x:2", "experiment.at=y:3"], "commas", "'experiment.at={x:2,y:3}'"),
        (["experiment.at=x:[1", "experiment.at=2]", "experiment.at=y:3"], "commas", "'experiment.at={x:[1,2],y:3}'"),
        (["experiment.at={x:", "2,", "y:", "3}", "seed=1"], "blanks", "'experiment.at={x: 2, y: 3}'"),
        (["experiment.sizes=[1,", "10]"], "blanks", "'experiment.sizes=[1, 10]'"),
    ],
)
def test_a_word_that_the_shell_has_split(words, where, quoted):
    with pytest.raises(
        UserError, match=f"the shell has split .* at its {where}; put the word in quotes: "
    ) as complained:
        parse(words)
    assert str(complained.value).endswith(quoted)
    parse(shlex.split(quoted))


def test_a_word_that_is_no_text():
    with pytest.raises(UserError, match=r"tracking.dir=B\?cher: this is not text in "):
        parse([os.fsdecode(b"tracking.dir=B\xffcher")])


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("--versoin", "--versoin: no such flag (did you mean --version?)"),
        ("--multirn", "--multirn: no such flag (did you mean --multirun?)"),
        ("--fast", "--fast: no such flag; python -m runner --help lists the flags"),
        ("--package", "argument --package/-p: expected one argument; python -m runner --help tells more"),
    ],
)
def test_a_wrong_flag(word, problem):
    with pytest.raises(UserError) as complained:
        parse([word])
    assert str(complained.value).startswith(problem)


def test_variables_of_mlflow_stand_where_the_words_say_nothing(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:se%40cret@host:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "paper, 2")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    found = parse(["seed=1"]).overrides
    assert found == ["seed=1", "tracking=server", "tracking.uri=http://host:5000", 'tracking.experiment="paper, 2"']
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("me", "se@cret")
    uri, experiment = capsys.readouterr().err.splitlines()
    assert uri.startswith("runner: MLFLOW_TRACKING_URI: runs are kept by http://***@host:5000; tracking.dir= or ")
    assert experiment.startswith("runner: MLFLOW_EXPERIMENT_NAME: runs belong to the MLflow experiment 'paper, 2'; ")


@pytest.mark.parametrize(
    "words", [["tracking.dir=a"], ["tracking=local"], ["tracking=server", "tracking.uri=http://a"]]
)
def test_words_win_over_variables_of_mlflow(monkeypatch, capsys, words):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    assert parse([*words, "tracking.experiment=mine"]).overrides == [*words, "tracking.experiment=mine"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("given", ["HTTPS://host:5000", " https://host:5000 "])
def test_an_address_as_mlflow_takes_it(monkeypatch, given):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert parse(["seed=1"]).overrides == ["seed=1", "tracking=server", "tracking.uri=https://host:5000"]


def test_a_folder_of_mlflow_is_said_not_to_be_taken(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////data/mlflow.db")
    assert parse(["seed=1"]).overrides == ["seed=1"]
    assert capsys.readouterr().err.startswith(
        "runner: MLFLOW_TRACKING_URI is not taken, since it is no server's address"
    )


def test_text_in_the_values_of_tags_stays_text(main):
    shown = main("tracking.tags={paper:fig3,n:1e5,b:true}", "+tracking.tags.day=2026_01", "--cfg", "job")
    assert yaml.safe_load(shown.out)["tracking"]["tags"] == {
        "paper": "fig3",
        "n": "1e5",
        "b": "true",
        "day": "2026_01",
    }
