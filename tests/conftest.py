"""Fixtures and helpers of all tests: the command line, as a process or as a function, and small disks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.waiting import PATIENCE
from tests.warm import WarmProcess

if TYPE_CHECKING:
    from experiments.runtime.device import Placement

ROOT = Path(__file__).parent.parent

QUICK = (
    "device=cpu",
    "experiment.timing.processes=1",
    "experiment.timing.max_seconds=0.2",
    "experiment.timing.warmup_seconds=0.01",
)
"""Overrides with which a run takes the least time and still has something to keep."""

# Background jobs of a shell ignore SIGINT, those of nohup SIGHUP. What we start would inherit that, but not a handler.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_LOGGING_LEVEL"] = "CRITICAL"


SLOW = {
    "test_callbacks.py",
    "test_deployment.py",
    "test_execution.py",
    "test_networks.py",
    "test_saving.py",
    "test_streaming.py",
    "test_subprocesses.py",
    "test_training.py",
}
"""Files of tests/experiments that train or serve networks, or start processes that import TensorFlow."""

SHARE_NOTHING = {
    "test_commands.py",
    "test_errors_of_users.py",
    "test_faults.py",
    "test_search.py",
    "test_sweep_faults.py",
}
"""Files whose tests can be dealt out one by one; those of every other file run in one process, with its fixtures."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what starts real processes as slow, and says what must stay together when tests run side by side."""
    for item in items:
        folder = item.path.relative_to(ROOT).parts[1]
        starts_processes = folder in ("end_to_end", "cluster") or "runner" in getattr(item, "fixturenames", ())
        if starts_processes or item.path.name in SLOW:
            item.add_marker(pytest.mark.slow)
        if folder == "cluster":  # there is one Slurm, and the tests of Ray look for servers of Ray on the machine
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.xdist_group("cluster"))
        elif item.path.name not in SHARE_NOTHING:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(ROOT))))


Process = subprocess.Popen[str] | WarmProcess


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    status: int
    out: str
    err: str


def environment() -> dict[str, str]:
    """The environment of a command in another folder: the checkout is on the path, output is not buffered."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def start_command(*words: str, cwd: Path, env: Mapping[str, str] | None = None, fresh: bool = False) -> Process:
    """Start ``python WORDS`` in a folder, without input and with both outputs in pipes.

    One of our own programs starts warm, as tests/warm.py has it, unless it is to be a ``fresh`` Python.
    """
    env = environment() if env is None else env
    if words[0] == "-m" and words[1].split(".")[0] == "runner" and not fresh:
        return WarmProcess(words[1], words[2:], cwd, env)
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_command(
    *words: str, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = PATIENCE, fresh: bool = False
) -> Finished:
    """Start ``python WORDS`` as :func:`start_command` does, and wait for its end."""
    process = start_command(*words, cwd=cwd, env=env, fresh=fresh)
    try:
        out, err = process.communicate(timeout)
    except BaseException:
        process.kill()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out, err)


def family_of(process: Process) -> list[psutil.Process]:
    """The processes that a command has started, and those that they have; none if it has ended."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Command = Callable[..., Finished]


@pytest.fixture
def runner(tmp_path: Path) -> Command:
    """``python -m runner`` in an empty folder, with its store in ``store`` below it."""
    return lambda *arguments: run_command("-m", "runner", "tracking.dir=store", *arguments, cwd=tmp_path)


@pytest.fixture
def main(tmp_path: Path) -> Command:
    """The same as a function of this process: for command lines that end before anything is started."""
    from tests.in_process import call_main

    return lambda *arguments: call_main("tracking.dir=store", *arguments, cwd=tmp_path)


@pytest.fixture(scope="session")
def _tensorflow() -> Placement:
    """TensorFlow in the test process, on two logical CPUs, of which the second is used; it can start only once."""
    from experiments.runtime import device

    return device.start(device.Device(kind="cpu", index=1, logical_cpus=2))


@pytest.fixture
def on_device(_tensorflow: Placement) -> Iterator[Placement]:
    """For every test that calls TensorFlow."""
    from experiments.runtime import device

    with device.scope():
        yield _tensorflow


@pytest.fixture(autouse=True)
def _no_store_is_left_behind() -> Iterator[None]:
    """Fails the test that leaves its store's address in MLflow's variable, where every later test would find it."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    assert os.environ.get("MLFLOW_TRACKING_URI") == before


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def small_disk() -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Mounts an empty disk of some megabytes at a folder for a while. Needs root."""

    @contextlib.contextmanager
    def mounted(folder: Path, megabytes: int, mode: str = "rw") -> Iterator[None]:
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,{mode}", "none", str(folder)]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("this machine does not let us mount a disk")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    return mounted
