"""Hydra's flags, alone and two at a time, are obeyed or refused in one line."""

from __future__ import annotations

import itertools
from unittest import mock

import pytest
from hydra._internal.utils import get_args_parser

from runner.errors import UserError
from tests.conftest import Finished
from tests.runner.test_errors_of_users import complaint

VALUES = {
    "--cfg": ["job"],
    "--package": ["device"],
    "--config-dir": ["."],
    "--config-name": ["config"],
    "--config-path": ["conf"],
    "--experimental-rerun": ["config.pickle"],
    "--info": ["searchpath"],
}
"""What follows a flag that takes a value."""

FLAGS = [
    next(option for option in action.option_strings if option.startswith("--"))
    for action in get_args_parser()._actions
    if action.option_strings
]

PRINTS = ({"--help"}, {"--version"}, {"--hydra-help"}, {"--cfg"}, {"--info"})
"""Any of these prints something and runs nothing."""


class Started(UserError):
    """A job would start now."""


@pytest.fixture
def flags(main, tmp_path):
    def called(*words: str) -> Finished:
        with (
            mock.patch("runner.cli.command_line.run_alone", side_effect=Started("started")),
            mock.patch("runner.sweep.sweep.Sweep._open", side_effect=Started("started")),
            mock.patch("runner.sweep.isolated.Isolated.prepare"),
        ):
            done = main(*words)
        assert not (tmp_path / "store" / "mlflow.db").exists()
        return done

    return called


@pytest.mark.parametrize("given", [*((flag,) for flag in FLAGS), *itertools.combinations(FLAGS, 2)], ids=" ".join)
def test_flags_never_end_in_a_traceback(flags, given):
    done = flags("seed=1", *(word for flag in given for word in (flag, *VALUES.get(flag, ()))))
    if done.status == 0:
        assert any(one <= set(given) for one in PRINTS)
        assert done.out
        assert done.err == ""
    else:
        line = complaint(done)
        assert line == "started" or line.startswith("--")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("-m --cfg job", "--cfg and --info show one job: leave out -m, and give each key one value"),
        ("--run -m", "--run and --multirun: give one of them"),
        ("--info all --cfg job", "--cfg and --info: give one of them"),
        ("--resolve", "--resolve: belongs to --cfg, which prints the configuration; write --cfg job --resolve"),
        ("--package device", "--package: belongs to --cfg"),
        ("--experiment matmul", "--experiment: no such flag; write experiment=CHOICE, without dashes"),
        ("--multi", "--multi: no such flag (did you mean --multirun?)"),
        ("--experimental-rerun x", "--experimental-rerun: Hydra leaves no pickles here; replay=RUN runs a stored"),
        ("--config-name config.yaml", "--config-name: there is only one primary config; replay=RUN runs a stored"),
        ("--cfg job --package nope", "--package: there is no nope in this configuration"),
    ],
)
def test_a_refused_flag_says_what_to_write(flags, words, says):
    assert complaint(flags(*words.split())).startswith(says)
