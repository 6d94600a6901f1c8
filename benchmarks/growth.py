"""Measure the growth of a job's cost and of the store with the jobs of a sweep: ``python -m benchmarks.growth``.

Takes about ten minutes; prints the table of docs/scaling.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import HERE, where
from experiments.reporting.markdown import markdown_table

COUNTS = (1, 10, 100, 1000)


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _sweep(Path(folder, "warm"), 1)
        found = {count: _sweep(Path(folder, str(count)), count) for count in COUNTS}
    alone, database, files = found[1]
    rows = [
        {
            "jobs": str(count),
            "seconds": f"{seconds:.1f}",
            "each further job": f"{(seconds - alone) / (count - 1):.3f} s" if count > 1 else "-",
            "database": f"{size / 1e6:.1f} MB",
            "artifacts": f"{artifacts / 1e6:.1f} MB",
            "each further job adds": f"{(size + artifacts - database - files) / (count - 1) / 1e3:.0f} kB"
            if count > 1
            else "-",
        }
        for count, (seconds, size, artifacts) in found.items()
    ]
    print(f"{where()}\n\n{markdown_table(rows)}")


def _sweep(store: Path, jobs: int) -> tuple[float, int, int]:
    """Run a sweep into a new store; return its seconds, and the bytes of the database and of the artifacts."""
    textbook = ("+preset=textbook", "experiment.sizes=[64]", "device=cpu")
    command = (sys.executable, "-m", "runner", "-m", *textbook, f"tracking.dir={store}", f"seed=range({jobs})")
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=HERE.parent)
    seconds = time.perf_counter() - start
    files = [path for path in (store / "artifacts").rglob("*") if path.is_file()]
    return seconds, (store / "mlflow.db").stat().st_size, sum(path.stat().st_size for path in files)


if __name__ == "__main__":
    main()
