"""How long commands take on a store of many runs: ``python -m benchmarks.many_runs FOLDER``, three to five minutes.

Makes a store of 2,000 runs in FOLDER, which must not exist: 100 sweeps of 19 jobs, a tenth of which leave a registered
model. Then it times the commands on it, and prints the table that stands in docs/stores.md. The last command deletes
all runs.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from rich.progress import track

from benchmarks.__main__ import where
from experiments.reporting.commands import override
from experiments.reporting.markdown import markdown_table
from runner.tracking import tags
from runner.tracking.ports import next_free
from runner.tracking.store import UI_HOST, UI_PORT, LocalStore

if TYPE_CHECKING:
    from mlflow import MlflowClient

SWEEPS, JOBS, JOBS_WITH_MODEL = 100, 19, 2
SWEEP = ("-m", "seed=1,2", "device=cpu", "experiment.sizes=[1]", "experiment.timing.method=textbook")
"""The words of a sweep of two real jobs, which is then resumed."""

FILES = ("config.yaml", "environment.json", "MLmodel", "plots/time.png", "plots/rate.png", "log.txt")


def fill(store: LocalStore) -> None:
    """Make the store, and the runs in it with plain calls of MLflow."""
    client = store.open()
    experiment = client.create_experiment("matmul", store.artifact_location("matmul"))
    client.create_registered_model("cats")
    with TemporaryDirectory() as scratch:
        for file in FILES:
            path = Path(scratch, file)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"{}" + b" " * 4000)
        Path(scratch, "results.csv").write_bytes(b"n,median\n1,1e-6\n64,2e-6\n")
        samples = (f"{process},{n},1e-5,10\n" for process in range(1, 6) for n in (1, 64) for _ in range(50))
        Path(scratch, "samples.csv").write_text("process,n,seconds,calls\n" + "".join(samples))
        for sweep in track(range(SWEEPS), "making runs"):
            parent = _run(client, experiment, scratch, {tags.KEY: f"{sweep:016x}"})
            for job in range(JOBS):
                tagged = {tags.PARENT: parent, tags.FINGERPRINT: f"{sweep:08x}{job:08x}-0", tags.JOB: str(job)}
                run = _run(client, experiment, scratch, tagged | {tags.EXPERIMENT: "matmul"})
                if job < JOBS_WITH_MODEL:
                    _model(client, experiment, run, scratch)


def _run(client: MlflowClient, experiment: str, files: str, tagged: dict[str, str]) -> str:
    from mlflow.entities import Metric, Param

    run_id: str = client.create_run(experiment, tags=tagged).info.run_id
    metrics = [Metric(f"time/{size}", 1e-6 * size, 0, size) for size in range(20)]
    params = [Param(f"experiment.key{number}", str(number)) for number in range(30)]
    client.log_batch(run_id, metrics, params)
    client.log_artifacts(run_id, files)
    client.set_terminated(run_id)
    return run_id


def _model(client: MlflowClient, experiment: str, run: str, files: str) -> None:
    model = client.create_logged_model(experiment, source_run_id=run)
    client.log_model_artifacts(model.model_id, files)
    client.finalize_logged_model(model.model_id, "READY")
    client.create_model_version("cats", model.artifact_location, run, model_id=model.model_id)


def timed(module: str, *words: str, shown: str) -> dict[str, str]:
    """Run a command and return its row of the table, which shows the words that matter."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    print(done.stdout[-200:], done.stderr[-200:], seconds, file=sys.stderr)
    return _row(f"python -m {module} {shown}", done.returncode, seconds)


def timed_ui(here: str) -> list[dict[str, str]]:
    """Return how long the UI takes until it shows its link, and how long the first page of runs takes then."""
    port = next_free(UI_PORT)
    begin = time.perf_counter()
    command = [sys.executable, "-m", "runner.ui", here, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        up = time.perf_counter()
        asked = Request(
            f"http://{UI_HOST}:{port}/ajax-api/2.0/mlflow/runs/search",
            json.dumps({"experiment_ids": ["1"], "max_results": 100}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(asked) as answer:
            assert len(json.load(answer)["runs"]) == 100
        shown = time.perf_counter()
        server.send_signal(signal.SIGINT)
    opens = _row("python -m runner.ui, until it shows its link", server.returncode, up - begin)
    return [opens, _row("... and its first page of 100 runs", server.returncode, shown - up)]


def _row(command: str, status: int, seconds: float) -> dict[str, str]:
    return {"command": command, "exit status": str(status), "seconds": f"{seconds:.1f}"}


def measured(folder: Path) -> list[dict[str, str]]:
    """Return a row for each command. Moves the store in ``folder``, and then deletes all its runs."""
    moved = folder.with_name(f"{folder.name}-moved")
    here, there = (override("tracking.dir", str(place.absolute())) for place in (folder, moved))
    subprocess.run([sys.executable, "-m", "runner", *SWEEP, here], check=True, capture_output=True)
    rows = [
        timed("runner", *SWEEP, "sweep.resume=true", here, shown="-m seed=1,2 ... sweep.resume=true"),
        timed("runner", "-m", "seed=range(1,1001)", "plan=true", here, shown="-m 'seed=range(1,1001)' plan=true"),
        *timed_ui(here),
        timed("runner.store", "check", here, shown="check"),
        timed("runner.store", "export", str(moved.with_suffix(".csv")), here, shown="export runs.csv"),
        timed("runner.store", "export", str(moved.with_suffix(".parquet")), here, shown="export runs.parquet"),
        timed("runner.compare", "latest~2", "latest~1", here, shown="latest~2 latest~1"),
    ]
    folder.rename(moved)
    everything = ["prune", "--older-than", "0d"]
    return [
        *rows,
        timed("runner.store", "relocate", there, shown="relocate"),
        timed("runner.store", *everything, there, shown="prune --older-than 0d"),
        timed("runner.store", *everything, "--delete", there, shown="prune --older-than 0d --delete"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_runs", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the store is made; must not exist")
    folder: Path = parser.parse_args().folder
    store = LocalStore(folder.absolute())
    store.check()
    fill(store)
    rows = measured(folder)
    print(json.dumps({"runs": SWEEPS * (JOBS + 1) + 3, "where": where()}))
    print(markdown_table(rows))


if __name__ == "__main__":
    main()
