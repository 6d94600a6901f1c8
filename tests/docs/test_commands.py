"""Every command of the documents does what it says, as far as that costs no time.

``python -m runner`` composes and checks all of its jobs and starts none; the other programs look for a store that is
not there. Whole runs are the business of tests/end_to_end.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from unittest import mock

import pytest

from runner import compare, store, ui
from runner.config.files import require_choice_files
from runner.errors import UserError
from runner.sweep.clustered import Clustered
from runner.sweep.isolated import Isolated
from runner.tracking.store import LocalStore, ServerStore
from tests.conftest import ROOT
from tests.docs.documents import Command, commands
from tests.in_process import call_main

NOT_RUN = {
    "docker": "needs Docker",
    "curl": "asks a server that Docker runs",
    "apt": "changes the system; .ci/run installs the same packages",
    "sudo": "changes the system; tests/cluster has a PostgreSQL of its own",
    "pip": "installs; the Makefile's own pip is run by each make",
    ".venv/bin/pre-commit": "changes the checkout",
    "git": "changes the checkout",
    "cd": "the shell's own",
    "source": "the shell's own",
    "ray": "starts a cluster; tests/cluster/test_ray.py starts one",
    "mlflow": "serves until it is ended; tests/end_to_end/tracking_server.py starts one",
}
"""Programs, and why no test here runs them."""

OF_THE_READER = re.compile(r"experiment=doubling|operators=\[silu\]|ways=\[keras,keras_graph\]|mine\.py|--config-dir")
"""Choices that the reader adds; tests/end_to_end/test_outside.py has such."""

WANTS_A_STORE = "there are no runs in"

WANTS_A_FILE = "cannot be read (No such file or directory)"

WANTS_A_MODEL = "is not there"

FOUND = commands()
PROGRAMS = {"runner.ui": ui.main, "runner.compare": compare.main, "runner.store": store.main}


def program_of(command: Command) -> str:
    words = shlex.split(command.words)
    return words[2] if words[0] == "python" else words[0]


def those_of(*programs: str) -> list[Command]:
    return [command for command in FOUND if program_of(command) in programs]


def is_only_a_name(command: Command) -> bool:
    """In the middle of a sentence, a program may stand without its words."""
    program = program_of(command)
    return program != "runner.ui" and len(shlex.split(command.words)) <= 3 + (program == "runner.store")


def each(*found: Command) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("command", found, ids=lambda command: command.title)


class Started(UserError):
    """The command would start its jobs now."""


@pytest.fixture
def nothing_starts():
    """All is composed and checked; where the store would be opened, the command ends."""

    def would_start(job):
        require_choice_files(job.parts.experiment)
        raise Started("started")

    with (
        mock.patch("runner.cli.command_line.run_alone", would_start),
        mock.patch("runner.sweep.sweep.Sweep._open", side_effect=Started("started")),
        mock.patch.object(Isolated, "prepare"),
        mock.patch.object(Clustered, "check"),
        mock.patch.object(LocalStore, "check"),
        mock.patch.object(ServerStore, "check"),
    ):
        yield


def words_of_runner() -> list[Command]:
    """The words of ``python -m runner``, and those that ``make run`` hands to it."""
    by_make = [re.match(r'make run ARGS="(.*)"$', command.words) for command in those_of("make")]
    made = [Command(f"python -m runner {match[1]}", ROOT / "Makefile") for match in by_make if match]
    return [command for command in [*those_of("runner"), *made] if not OF_THE_READER.search(command.words)]


@each(*words_of_runner())
def test_a_run_is_composed_and_checked(command: Command, nothing_starts, tmp_path) -> None:
    words = shlex.split(command.words)[3:]
    (tmp_path / "mlruns").mkdir()  # where a search keeps its study
    done = call_main(*words, cwd=tmp_path)
    if {"--help", "--version", "--cfg", "plan=true"} & set(words):
        assert (done.status, done.err) == (0, "")
    elif any(word.startswith("replay=") for word in words):
        assert WANTS_A_STORE in done.err
    elif any(word.startswith("experiment.dataset.path=") for word in words):
        assert WANTS_A_FILE in done.err
    elif any(word.startswith("experiment.model.path=") for word in words):
        assert WANTS_A_MODEL in done.err
    else:
        assert done.err == (shown_error(command) or "runner: started\n")


def shown_error(command: Command) -> str:
    """The line of an error that the document shows below the command; empty if it shows none."""
    match = re.search(rf"^ *\$ {re.escape(command.words)}\n(runner: .*\n)", command.document.read_text(), re.MULTILINE)
    return match[1] if match else ""


@each(*(command for command in those_of(*PROGRAMS) if not is_only_a_name(command)))
def test_a_program_beside_it_wants_only_a_store(command: Command, tmp_path) -> None:
    program, *words = shlex.split(command.words)[2:]
    own = [word for word in words if not word.startswith("tracking.dir=")]
    done = call_main(*own, "tracking.dir=store", cwd=tmp_path, program=PROGRAMS[program])
    assert (done.status, WANTS_A_STORE in done.err) == (2, True), done.err


@each(*those_of("make"))
def test_make_knows_the_target(command: Command) -> None:
    done = subprocess.run(["make", "--dry-run", *shlex.split(command.words)[1:]], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


@each(*(command for command in FOUND if program_of(command).startswith(("benchmarks", "documenting"))))
def test_a_module_is_there(command: Command) -> None:
    module = program_of(command)
    assert importlib.util.find_spec(module)


def test_all_others_have_a_reason_not_to_be_run() -> None:
    run = {"runner", *PROGRAMS, "make"}
    others = {program_of(command) for command in FOUND} - run
    assert {one for one in others if not one.startswith(("benchmarks", "documenting"))} <= set(NOT_RUN)
