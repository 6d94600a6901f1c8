"""Step e: derivatives in every method, mode and number format, against exact ones."""

from __future__ import annotations

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.stored import Run

MATRIX = (
    "experiment.expression=sum(tanh(dot(A,x))**2)",
    "experiment.at={A:[[1,2],[3,4]],x:[0.1,0.2]}",
    "experiment.wrt=[x]",
)


def look(bench: Bench) -> None:
    done = bench.runner("experiment=autodiff", f"device={bench.device}")
    bench.judge_jobs(done, "the textbook's dy/dw")
    slope = done.job.metrics.get("derivative/w")
    bench.judge("dy/dw = 2 a w + b", slope == 10, slope)
    jobs = [done.job]
    if not bench.quick:
        done = bench.runner(
            "-m", "experiment=autodiff", f"device={bench.device}", *MATRIX, "experiment.derivative=gradient,hessian,hvp"
        )
        bench.judge_jobs(done, "gradient, Hessian and its products with a vector")
        jobs += done.jobs
    for run in jobs:
        _ways(bench, run)
    bench.table("each way, against the exact derivative", [row for run in jobs for row in _table(run)])


def _ways(bench: Bench, run: Run) -> None:
    rows = run.rows()
    found = [f"{row['method']}, {row['mode']}, {row['dtype']}: {row['finding']}" for row in rows if row["finding"]]
    text = "; ".join(found) or f"{len(_table(run))} ways, largest error {run.metrics['check/largest_error']:.2g}"
    bench.judge(
        f"{run.param('experiment.derivative')}: all ways are within their tolerance", bool(rows and not found), text
    )


def _table(run: Run) -> list[dict[str, str]]:
    """One row a way, with the largest error over its numbers."""
    largest: dict[tuple[str, str, str], tuple[float, float]] = {}
    for row in run.rows():
        way = (row["method"], row["mode"], row["dtype"])
        error = (float(row["error"] or "nan"), float(row["tolerance"] or "nan"))
        largest[way] = max(largest.get(way, error), error)
    return [
        {
            "derivative": run.param("experiment.derivative"),
            "method": method,
            "mode": mode,
            "format": dtype,
            "largest error": f"{error:.2g}",
            "tolerance": f"{tolerance:.2g}",
        }
        for (method, mode, dtype), (error, tolerance) in largest.items()
    ]
