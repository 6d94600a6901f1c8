"""MLflow's server with PostgreSQL behind it, as for many machines at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
from mlflow import MlflowClient

from tests.cluster.postgres_machine import PostgresMachine
from tests.conftest import QUICK, Finished, run_command
from tests.end_to_end.tracking_server import TrackingServer


def test_two_clients_at_once_and_a_server_that_comes_back(postgres: PostgresMachine, tmp_path: Path) -> None:
    server = TrackingServer(tmp_path, postgres.address)
    try:
        with ThreadPoolExecutor() as clients:
            finished = list(clients.map(lambda size: _measure(server, size, tmp_path), (16, 32)))
        assert [(done.status, done.err) for done in finished] == [(0, ""), (0, "")]
        server.stop()
        server.start()
        client = MlflowClient(server.address)
        runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
        assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
        assert {run.data.params["experiment.sizes"] for run in runs} == {"[16]", "[32]"}
    finally:
        server.stop()
    assert _rows(postgres, "runs") == 2


def _measure(server: TrackingServer, size: int, folder: Path) -> Finished:
    return run_command(
        "-m",
        "runner",
        "tracking=server",
        f"tracking.uri={server.address}",
        f"experiment.sizes=[{size}]",
        *QUICK,
        cwd=folder,
    )


def _rows(postgres: PostgresMachine, table: str) -> int:
    with psycopg2.connect(re.sub(r"\+psycopg2", "", postgres.address)) as connection, connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        (count,) = cursor.fetchone() or (0,)
        return int(count)
