"""A real MLflow tracking server for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.conftest import environment, free_port


class TrackingServer:
    """An MLflow server that also keeps the artifacts, in ``folder/server``; up when made."""

    def __init__(self, folder: Path) -> None:
        home = folder / "server"
        home.mkdir()
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        self._process = subprocess.Popen(
            [*command, "--backend-store-uri", f"sqlite:///{home}/server.db", "--artifacts-destination", str(home)],
            cwd=home,
            env=environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while not self._is_up():
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def stop(self) -> None:
        """At once, as a crash would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=20)

    def _is_up(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/health", timeout=1)
        except OSError:
            return False
        return True
