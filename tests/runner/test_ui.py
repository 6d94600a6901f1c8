"""``python -m runner.ui`` shows no link to what is not its own server."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner import ui
from runner.errors import UserError
from runner.tracking.served import announced
from runner.tracking.store import LocalStore
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
