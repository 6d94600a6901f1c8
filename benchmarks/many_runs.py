"""How long commands take on a store of many runs: ``python -m benchmarks.many_runs FOLDER``, about three minutes.

Makes a store of 2,000 runs in FOLDER, which must not exist: 100 sweeps of 19 jobs, a tenth of which leave a registered
model. Then it times the commands on it and prints the table that stands in docs/stores.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.progress import track

from benchmarks.__main__ import where
from experiments.reporting.commands import override
from experiments.reporting.markdown import markdown_table
from runner.tracking import tags
from runner.tracking.store import LocalStore

if TYPE_CHECKING:
    from mlflow import MlflowClient

SWEEPS, JOBS, JOBS_WITH_MODEL = 100, 19, 2
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


def timed(module: str, *words: str) -> dict[str, Any]:
    """Run a command and return its row of the table."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    print(done.stdout[-200:], done.stderr[-200:], seconds, file=sys.stderr)
    return {
        "command": f"`python -m {module} {words[0]}`",
        "exit status": str(done.returncode),
        "seconds": f"{seconds:.1f}",
    }


def main(arguments: Sequence[str]) -> None:
    (folder,) = map(Path, arguments)
    store = LocalStore(folder.absolute())
    store.check()
    fill(store)
    moved = folder.with_name(f"{folder.name}-moved")
    here, there = (override("tracking.dir", str(place.absolute())) for place in (folder, moved))
    rows = [
        timed("runner.store", "check", here),
        timed("runner.store", "export", str(moved.with_suffix(".csv")), here),
        timed("runner.store", "export", str(moved.with_suffix(".parquet")), here),
        timed("runner.compare", "latest~1", "latest", here),
    ]
    folder.rename(moved)
    rows += [
        timed("runner.store", "relocate", there),
        timed("runner.store", "prune", "--older-than", "0d", there),
        timed("runner.store", "prune", "--older-than", "0d", "--delete", there),
    ]
    print(json.dumps({"runs": SWEEPS * (JOBS + 1), "where": where()}))
    print(markdown_table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
