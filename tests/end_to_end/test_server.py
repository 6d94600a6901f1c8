"""Runs kept by a real tracking server."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request

import pytest
from mlflow import MlflowClient

from tests.conftest import QUICK, environment, free_port, run_command


@pytest.fixture
def server(tmp_path):
    """An MLflow server that also keeps the artifacts; its address."""
    folder = tmp_path / "server"
    folder.mkdir()
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", address.rpartition(":")[2], "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder)],
        cwd=folder,
        env=environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(timeout=20)


def test_a_run_goes_to_the_server_and_nothing_stays_here(server, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    choice = ["tracking=server", f"tracking.uri={server}", "tracking.experiment=elsewhere"]
    done = run_command("-m", "runner", "experiment.sizes=[1,10]", *choice, *QUICK, cwd=here)
    assert (done.status, done.err) == (0, "")
    assert f"{server}/#/experiments/" in done.out
    assert list(here.iterdir()) == []

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("elsewhere")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "time/median_us")]
    assert sorted(steps) == [1, 10]
    plot = client.download_artifacts(run.info.run_id, "plots/time.png", str(tmp_path))
    with open(plot, "rb") as file:
        assert file.read(4) == b"\x89PNG"
