"""Whole sweeps on the engines: a parent, its children, and what becomes of a job that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.cluster.postgres_machine import PostgresMachine
from tests.end_to_end.sweeping import PARENT, Sweeping, child, only_parent, statuses
from tests.end_to_end.tracking_server import TrackingServer
from tests.reading import runs
from tests.waiting import wait_until

ENDS = "experiment.ends=well,badly,murderous"


@pytest.fixture
def server(postgres: PostgresMachine, tmp_path: Path) -> Iterator[TrackingServer]:
    with postgres.new_database() as address:
        server = TrackingServer(tmp_path, address)
        yield server
        server.stop()


def _runs(server: TrackingServer) -> list[Run]:
    client = MlflowClient(server.address)
    found = client.get_experiment_by_name("trial")
    return list(client.search_runs([found.experiment_id])) if found else []


def _on_slurm(server: TrackingServer, folder: Path, *arguments: str) -> Sweeping:
    return Sweeping(folder, "hydra/launcher=slurm", "tracking=server", f"tracking.uri={server.address}", *arguments)


@pytest.mark.usefixtures("slurm")
def test_slurm_with_a_server_on_postgres(server: TrackingServer, tmp_path: Path) -> None:
    status, out, err = _on_slurm(server, tmp_path, ENDS).end()
    assert status == 1, err
    runs = _runs(server)
    (parent,) = (run for run in runs if PARENT not in run.data.tags)
    children = {run.data.params["experiment.ends"]: run for run in runs if PARENT in run.data.tags}
    assert len(runs) == 4  # none was run twice
    assert {run.data.tags[PARENT] for run in children.values()} == {parent.info.run_id}
    assert {ends: run.info.status for ends, run in children.items()} == {
        "well": "FINISHED",
        "badly": "FAILED",
        "murderous": "FAILED",
    }
    assert "ZeroDivisionError" in children["badly"].data.tags["reason"]
    assert "FAILED, killed by SIGKILL" in children["murderous"].data.tags["reason"]
    assert parent.info.status == "FAILED"
    client = MlflowClient(server.address)
    assert "summary.csv" in {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert {artifact.path for artifact in client.list_artifacts(children["well"].info.run_id)} >= {
        "config.yaml",
        "environment.json",
        "results.csv",
        "lab.log",
    }
    assert "3 jobs" in out

    again, out, err = _on_slurm(server, tmp_path, ENDS, "sweep.resume=true", "sweep.retry_failed=false").end()
    assert again == 1, err
    assert "3 of 3 jobs are done already" in out
    assert len(_runs(server)) == 4


@pytest.mark.usefixtures("slurm")
def test_ctrl_c_cancels_the_array(server: TrackingServer, tmp_path: Path) -> None:
    sweep = _on_slurm(server, tmp_path, "experiment.x=1,2,3", "experiment.seconds=60")
    wait_until(lambda: _running(server) >= 3, "the parent and two jobs go on", pause=0.5)
    sweep.process.send_signal(signal.SIGINT)
    status, _, err = sweep.end()
    assert status == 130, err
    assert "Traceback" not in err
    assert {run.info.status for run in _runs(server)} == {"KILLED"}
    wait_until(_is_queue_empty, "no job is left", pause=0.5)


def _running(server: TrackingServer) -> int:
    return sum(run.info.status == "RUNNING" for run in _runs(server))


def _is_queue_empty() -> bool:
    return not subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout


def test_ray(tmp_path: Path) -> None:
    sweep = Sweeping(tmp_path, "hydra/launcher=ray", ENDS)
    status, _, err = sweep.end()
    assert status == 1, err
    assert statuses(sweep.store) == {"FINISHED": 1, "FAILED": 2}  # so none was run twice
    assert "WorkerCrashedError" in child(sweep.store, ends="murderous").data.tags["reason"]
    assert only_parent(sweep.store).info.status == "FAILED"


def test_ctrl_c_under_ray(tmp_path: Path) -> None:
    half = f"hydra.launcher.cpus_per_job={max((os.cpu_count() or 1) / 2, 0.5):g}"
    sweep = Sweeping(tmp_path, "hydra/launcher=ray", half, "experiment.x=1,2,3", "experiment.seconds=60")
    wait_until(lambda: _going_on(sweep), "two jobs go on", pause=0.5)
    sweep.process.send_signal(signal.SIGINT)
    status, _, err = sweep.end()
    assert status == 130, err
    assert "Traceback" not in err
    assert set(statuses(sweep.store)) == {"KILLED"}
    assert only_parent(sweep.store).info.status == "KILLED"


def _going_on(sweep: Sweeping) -> bool:
    if not (sweep.store / "mlflow.db").exists():
        return False
    return sum(PARENT in run.data.tags for run in runs(sweep.store, "trial")) == 2


def test_slurm_needs_a_server(tmp_path: Path) -> None:
    sweep = Sweeping(tmp_path, "hydra/launcher=slurm", "experiment.x=1,2")
    status, _, err = sweep.end()
    assert status == 2
    assert "tracking server" in err or "sbatch" in err
    assert len(err.splitlines()) == 1
