"""``python -m runner.ui`` shows no link to what is not its own server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import psutil
import pytest

from runner import ui
from runner.errors import UserError
from runner.tracking.process import identity
from runner.tracking.served import FILE, announced, port_of
from runner.tracking.store import LocalStore
from tests.conftest import free_port
from tests.in_process import call_main
from tests.runner.small_database import small_database

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # those of the tests stay
    small_database(tmp_path / "mlflow.db")
    return LocalStore(tmp_path)


def test_a_port_that_is_taken(store: LocalStore, taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=rf"port {taken} is taken \(.*process \d+\); choose another: --port \d+$"):
        ui.serve(store, taken)
    with announced(store.folder, taken), pytest.raises(UserError, match="this store is served already: http://127"):
        ui.serve(store, taken)
    assert capsys.readouterr().out == ""


def test_the_last_server_of_a_store_is_known_until_it_ends(tmp_path: Path) -> None:
    first, last = announced(tmp_path, 5000), announced(tmp_path, 5001)
    first.__enter__()
    with subprocess.Popen(SLEEPS) as other:
        of_another = json.loads((tmp_path / FILE).read_text()) | {"process": identity(other.pid)}
        (tmp_path / FILE).write_text(json.dumps(of_another))
        first.__exit__(None, None, None)
        last.__enter__()
        assert port_of(tmp_path) == 5001
        last.__exit__(None, None, None)
        assert port_of(tmp_path) == 5000  # the other one goes on
        with announced(tmp_path, 5001):
            other.kill()
            other.wait()
    assert list(tmp_path.iterdir()) == []


def test_nohup_stays_in_force(store: LocalStore, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    monkeypatch.setattr(signal, "getsignal", {signal.SIGHUP: signal.SIG_IGN}.get)
    monkeypatch.setattr(signal, "signal", lambda number, handler: heard.append(number))
    monkeypatch.setattr(ui, "_serve_until_signal", lambda *arguments: 0)
    monkeypatch.setattr(ui, "_require_free", lambda store, port: None)
    ui.serve(store, taken)
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("ends", ["store_of", "require_database", "migrate"])
def test_ctrl_c_before_anything_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    small_database(tmp_path / "mlflow.db")
    monkeypatch.setattr(ui, ends, mock.Mock(side_effect=KeyboardInterrupt))
    done = call_main("tracking.dir=.", "--port", str(free_port()), cwd=tmp_path, program=ui.main)
    assert (done.status, done.out, done.err) == (130, "", "runner.ui: interrupted\n")


def test_a_folder_that_cannot_be_looked_into(tmp_path: Path) -> None:
    done = call_main(f"tracking.dir={'x' * 300}", cwd=tmp_path, program=ui.main)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("runner.ui: tracking.dir: cannot look into /")


def test_a_port_that_is_taken_while_mlflow_starts(
    store: LocalStore, taken: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other program may well answer as a server of MLflow does: it may be one."""
    monkeypatch.setattr(ui, "_require_free", lambda store, port: None)
    monkeypatch.setattr(ui, "_command", lambda store, port: SLEEPS)
    with pytest.raises(UserError, match=rf"port {taken} is taken"):
        ui.serve(store, taken)
    assert capsys.readouterr().out == ""
    assert [child for child in psutil.Process().children() if child.cmdline() == SLEEPS] == []
