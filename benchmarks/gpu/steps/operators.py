"""Step f: every operator forward and backward, as a graph and by XLA; each is checked before its time counts."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gpu.bench import Bench, Done


def look(bench: Bench) -> None:
    some = bench.sized((), ("experiment.operators=[dense,relu,conv2d]", "experiment.size.batch=4"))
    timing = bench.timing("experiment.timing.processes=1", "experiment.timing.max_seconds=0.2")
    modes = bench.sized("graph,xla", "graph")
    words = (f"device={bench.device}", f"experiment.mode={modes}", *some, *timing)
    done = bench.runner("-m", "experiment=operators", *words)
    bench.judge_jobs(done, "every job ends")
    for run in done.jobs:
        mode = run.param("experiment.mode")
        rows = run.rows()
        wrong = [f"{row['operator']}: {row['status']}" for row in rows if _is_wrong(row)]
        right = [row for row in rows if row["status"] == "measured"]
        text = "; ".join(wrong) or f"{len(right)} of {len(rows)} operators"
        bench.judge(f"{mode}: outputs and gradients are right", bool(right) and not wrong, text)
        for row in rows:
            if row not in right and not _is_wrong(row):
                bench.note(f"{mode}: {row['operator']} is left out", row["status"])
    bench.table("operators, float32", _table(done))


def _is_wrong(row: dict[str, str]) -> bool:
    """Whether a check has failed, rather than that TensorFlow has no kernel."""
    return " wrong: " in row["status"] or "gradient" in row["status"] or "shape" in row["status"]


def _table(done: Done) -> Iterator[dict[str, str]]:
    for run in done.jobs:
        for row in run.rows():
            if row["status"] == "measured":
                yield {
                    "operator": row["operator"],
                    "mode": row["mode"],
                    "forward": f"{float(row['forward_us']):,.4g} µs",
                    "with backward": f"{float(row['forward_backward_us']):,.4g} µs",
                    "output off by": f"{float(row['output_error']):.2g}",
                    "gradient off by": f"{float(row['gradient_error'] or 'nan'):.2g}",
                    "allowed": f"{float(row['tolerance']):.2g}",
                }
