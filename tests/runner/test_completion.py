"""Tab completion: what it offers, and that the shells ask for it and write it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from runner.cli.completion import completions
from runner.cli.shells import SCRIPTS
from tests.conftest import ROOT, environment, run_command
from tests.in_process import call_main
from tests.runner.test_errors_of_users import complaint
from tests.waiting import PATIENCE

PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("runner experiment=mat", ["experiment=matmul"]),
        ("python -m runner experiment=mat", ["experiment=matmul"]),
        ("/a/b/python3 -m runner experiment=smoke/m", ["experiment=smoke/matmul"]),
        ("runner device=cpu,g", ["device=cpu,gpu"]),
        ("runner +preset=te", ["+preset=textbook"]),
        ("runner -m hydra/launcher=s", ["hydra/launcher=slurm"]),
        ("runner -m hydra.sweeper.n_t", ["hydra.sweeper.n_trials="]),
        ("runner exper", ["experiment.", "experiment="]),
        ("runner experiment.ti", ["experiment.timing."]),
        ("runner experiment.timing.me", ["experiment.timing.method="]),
        ("runner experiment.timing.method=", ["experiment.timing.method=adaptive"]),
        ("runner experiment=training experiment.optimizer.l", ["experiment.optimizer.learning_rate="]),
        ("runner experiment=training mod", ["model="]),
        ("runner mod", []),
        ("runner device.onednn=", ["device.onednn=false", "device.onednn=true"]),
        ("runner --mult", ["--multirun"]),
        ("runner --config-", ["--config-dir"]),
        ("runner experiment.sizes=[1,2 wrong=word device.ind", ["device.index="]),
        ("runner 'experiment.at={x:1}' device.ind", ["device.index="]),
        ("runner-store pr", ["prune"]),
        ("python -m runner.compare --fail", ["--fail-on"]),
        ("python -m runner.ui tracking.d", ["tracking.dir="]),
        ("python mine.py exp", []),
        ("runner", []),
        ("", []),
    ],
)
def test_what_is_offered(line, offered):
    assert completions(line) == offered


def test_choices_of_ones_own_are_offered(tmp_path):
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "textile.yaml").write_text("# @package _global_\nseed: 3\n")
    assert completions(f"runner --config-dir {tmp_path} +preset=text") == ["+preset=textbook", "+preset=textile"]


def test_only_a_shell_is_answered(tmp_path):
    assert call_main("--shell-completion", "install=bash", cwd=tmp_path).out.strip() == SCRIPTS["bash"].strip()
    assert complaint(call_main("-sc", "install=bahs", cwd=tmp_path)).startswith(
        "--shell-completion: there is no bahs (did you mean bash?)"
    )
    assert complaint(call_main("-sc", cwd=tmp_path)).startswith("--shell-completion: write install=bash")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the console scripts as pip writes them, and with ``python``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for name, target in PROGRAMS.items():
        module, function = target.split(":")
        text = f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        (folder / name).write_text(text)
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


def test_console_scripts_name_functions():
    for target in PROGRAMS.values():
        module, function = target.split(":")
        assert callable(getattr(import_module(module), function))
    assert set(PROGRAMS) == {"runner", "runner-ui", "runner-compare", "runner-store"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_console_scripts_run(programs, tmp_path, name):
    done = run_command(str(programs / name), "--help", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert "runner" in done.out


SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("program", ["runner", "python -m runner"])
def test_tab_writes_it(programs, tmp_path, shell, program):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "completion"
    script.write_text(call_main("--shell-completion", f"install={shell}", cwd=tmp_path).out)
    with_path = environment() | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb"}
    typed = f"{program} experiment=gradient_c"
    screen = _typed(SHELLS[shell], with_path, [f"source {script}\n", f"{typed}\t"], f"{typed}ost")
    assert f"{typed}ost" in screen or "ost" in screen.rpartition("gradient_c")[2], screen


def _typed(command: list[str], variables: dict[str, str], texts: list[str], awaited: str) -> str:
    """Type texts at a shell's prompt; return what its terminal has shown when ``awaited`` appears, or in the end."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, variables)
    screen = ""
    try:
        for text in texts:
            time.sleep(1)  # a shell drops what is typed before its prompt
            os.write(terminal, text.encode())
        end = time.monotonic() + PATIENCE
        while awaited not in screen and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                screen += os.read(terminal, 10_000).decode(errors="replace")
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
    return screen
