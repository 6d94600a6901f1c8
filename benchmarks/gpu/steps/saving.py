"""Step h: networks saved, loaded in a fresh process, and asked the same."""

from __future__ import annotations

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.stored import Run


def look(bench: Bench) -> None:
    models = bench.sized("mlp,cnn", "mlp")
    deterministic = bench.sized("false,true", "false")
    words = (f"model={models}", f"device.deterministic={deterministic}", "experiment.execution=epoch")
    epochs = f"experiment.epochs={bench.sized(2, 1)}"
    done = bench.runner("-m", "experiment=training", f"device={bench.device}", *words, epochs)
    bench.judge_jobs(done, "every job trains and saves")
    for run in done.jobs:
        rows = run.rows("saved")
        bench.judge(f"{_name(run)}: there are saved files", bool(rows), ", ".join(row["format"] for row in rows))
        for row in rows:
            _judge(bench, run, row)


def _judge(bench: Bench, run: Run, row: dict[str, str]) -> None:
    is_identical = row["identical"] == "1"
    difference = "the same bit for bit" if is_identical else f"off by {row['largest_difference'] or '?'} at most"
    text = f"{difference} {row['problem']}".strip()
    bench.judge(f"{_name(run)}: {row['format']}, loaded in a fresh process", not row["problem"], text)


def _name(run: Run) -> str:
    setting = run.param("device.deterministic").lower()
    return f"{run.param('experiment.model.name')}, device.deterministic={setting}"
