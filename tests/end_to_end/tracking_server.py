"""A real MLflow tracking server for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.conftest import environment, free_port
from tests.waiting import PATIENCE, wait_until


class TrackingServer:
    """An MLflow server that also keeps the artifacts, in ``folder/server``; up when made.

    ``database`` is where it keeps the runs, SQLAlchemy's address; its own file if not given.
    """

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self._home = folder / "server"
        self._home.mkdir()
        self._database = database or f"sqlite:///{self._home}/server.db"
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """At the same address, with what it kept before; returns when it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1"]
        self._process = subprocess.Popen(
            [*command, "--backend-store-uri", self._database, "--artifacts-destination", str(self._home)],
            cwd=self._home,
            env=environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._is_up, "the server answers", pause=0.2)

    def stop(self) -> None:
        """At once, as a crash would; nothing where it is down already."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=PATIENCE)

    def _is_up(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/health", timeout=1)
        except OSError:
            return False
        return True
