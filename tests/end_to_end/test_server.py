"""Runs kept by a real tracking server."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tests.conftest import QUICK, run_command
from tests.end_to_end.tracking_server import TrackingServer


@pytest.fixture
def server(tmp_path):
    """The address of a server."""
    running = TrackingServer(tmp_path)
    yield running.address
    running.stop()


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
