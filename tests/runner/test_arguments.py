"""The words of a command line: flags, overrides, and the version."""

from __future__ import annotations

import pytest

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


def test_a_multirun_that_only_prints_is_none():
    assert not parse(["-m", "seed=1,2", "--cfg", "job"]).multirun


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
    ("word", "problem"),
    [
        ("--versoin", "--versoin: no such flag (did you mean --version?)"),
        ("--multirn", "--multirn: no such flag (did you mean --multirun?)"),
        ("--fast", "--fast: no such flag; python -m runner --hydra-help lists the flags"),
        ("--package", "argument --package/-p: expected one argument; python -m runner --help tells more"),
    ],
)
def test_a_wrong_flag(word, problem):
    with pytest.raises(UserError) as complained:
        parse([word])
    assert str(complained.value).startswith(problem)
