"""What a gradient costs in each mode: ``python -m benchmarks.gradient_cost``.

Takes about eight minutes and writes the figures into benchmarks/README.md. The suite runs as it comes
(``+preset=gradient_cost``, float32) on one device, a job at a time, as a graph and eagerly.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from benchmarks import readme
from benchmarks.__main__ import HERE, where
from experiments.gradient_cost.answer import BOUND
from experiments.reporting.markdown import markdown_table

MODES = ("graph", "eager")


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.gradient_cost", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "runner", "-m", "+preset=gradient_cost", "device=cpu")
        where_and_how = (f"tracking.dir={folder}", f"experiment.mode={','.join(MODES)}")
        subprocess.run([*command, *where_and_how], check=True, cwd=HERE.parent)
        rows = list(_results(Path(folder)))
    figures = f"Read on {date.today()}: {where()}.\n\n{markdown_table(_table(rows))}"
    readme.write("gradient cost", "benchmarks.gradient_cost", figures)


def _results(store: Path) -> Iterator[Mapping[str, str]]:
    """The rows of every job's results.csv."""
    for path in store.glob("artifacts/**/results.csv"):
        with path.open(newline="") as file:
            yield from (row for row in csv.DictReader(file) if row["status"] == "measured")


def _table(rows: list[Mapping[str, str]]) -> list[dict[str, str]]:
    """One row a workload and size, the modes side by side."""
    found = {(row["workload"], int(row["n"]), row["mode"]): row for row in rows}
    sizes = sorted({key[:2] for key in found})
    return [
        {"workload": workload, "n": f"{size:,}"}
        | {name: cell for mode in MODES for name, cell in _cells(mode, found.get((workload, size, mode))).items()}
        for workload, size in sizes
    ]


def _cells(mode: str, row: Mapping[str, str] | None) -> dict[str, str]:
    """The function's time and the ratios of one mode; a ratio above the bound with its whole interval says so."""
    names = (f"{mode}: function", f"{mode}: ratio", f"{mode}: with Hessian")
    if row is None:
        return dict.fromkeys(names, "-")
    ratio = f"{float(row['ratio']):.2f} ({float(row['ratio_low']):.2f} - {float(row['ratio_high']):.2f})"
    is_above = float(row["ratio_low"]) > BOUND
    hessian = row.get("hessian_ratio")
    cells = (
        f"{float(row['function_us']):,.0f} µs",
        f"{ratio}, above {BOUND:g}" if is_above else ratio,
        f"{float(hessian):.2f}" if hessian else "-",
    )
    return dict(zip(names, cells, strict=True))


if __name__ == "__main__":
    main()
