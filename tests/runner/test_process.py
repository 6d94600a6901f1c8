"""Whether a process still runs, told by the tag that it leaves on its runs."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from runner.tracking import process
from runner.tracking.process import identity, is_alive


def test_a_process_is_itself_until_it_ends() -> None:
    assert is_alive(identity(os.getpid()))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        known = identity(other.pid)
        assert is_alive(known)
        other.kill()
        other.wait()
    assert not is_alive(known)


def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual machine's may be put forward by hours when its host has slept; psutil's start moves with it."""
    known = identity(os.getpid())
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 0.0)
    assert identity(os.getpid()) == known
    assert is_alive(known)


def test_a_number_that_is_given_again_is_another_process() -> None:
    pid, start, boot = identity(os.getpid()).split()
    assert not is_alive(f"{pid} {int(start) + 1} {boot}")
    assert not is_alive(f"{pid} {start} another-boot")


def test_runs_of_earlier_versions_are_told_by_the_clock() -> None:
    started = psutil.Process().create_time()
    assert is_alive(f"{os.getpid()} {started:.0f}")
    assert not is_alive(f"{os.getpid()} {started - 3600:.0f}")
    assert not is_alive("no process")


@pytest.mark.parametrize(("error", "alive"), [(PermissionError, True), (ProcessLookupError, False)])
def test_what_only_its_user_may_see_is_no_corpse(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError], alive: bool
) -> None:
    """As /proc is mounted on shared machines: the process is not there to others, but its number is taken."""
    known = identity(os.getpid())

    def hidden(pid: int) -> list[str]:
        raise FileNotFoundError

    def kill(pid: int, number: int) -> None:
        raise error

    monkeypatch.setattr(process, "_status", hidden)
    monkeypatch.setattr(os, "kill", kill)
    assert is_alive(known) == alive
