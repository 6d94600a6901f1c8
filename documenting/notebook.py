"""``python -m documenting.notebook`` writes docs/notebook.ipynb: the cells that stand here, and what they give.

Jupyter is not needed: the cells are plain Python, and what their last lines give is kept in the forms that a notebook
would choose from.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"

TEXT = """\
# From a notebook

`runner.run` takes the words of the command line and returns the run: its status, metrics, tables and figures. While it
runs, it prints what the command line prints. `sys.argv` is not touched, and it can be called as often as you like.
---
from runner import run

quick = ["device=cpu", "experiment.timing.processes=1", "experiment.timing.max_seconds=0.2"]  # for this page
result = run("experiment=matmul", "experiment.sizes=[1,100,10000]", "tracking.tags={paper:fig3}", *quick)
---
## What it found

The tables are pandas DataFrames, by the names of their files.
---
result.tables["results"][["n", "median_us", "ci_low_us", "ci_high_us", "gflops"]]
---
result.metrics["time/median_us"], result.history("time/median_us")
---
result.figures["time"]
---
## Several questions

`-m` makes a sweep. Its `jobs` are results, too.
---
sweep = run("-m", "experiment.mode=eager,graph", "experiment.sizes=[1,1000]", "sweep.refine=false", *quick)
---
[(job.config["experiment.mode"], job.status, job.history("time/median_us")) for job in sweep.jobs]
---
## What is wrong

is one sentence, as on the command line.
---
from runner.errors import UserError

try:
    run("experiment.sizess=[1]")
except UserError as error:
    print(error)
"""
"""The cells, with --- between them; those that begin like Markdown are text."""

FORMS = {"text/html": "_repr_html_", "image/png": "_repr_png_", "text/markdown": "_repr_markdown_"}


def cells() -> Iterator[tuple[str, str]]:
    """Yield the cells, each as ``markdown`` or ``code`` with its text."""
    for number, text in enumerate(TEXT.strip().split("\n---\n")):
        is_text = text.startswith("#")
        assert number or is_text
        yield ("markdown" if is_text else "code"), text


def executed(folder: Path) -> list[dict[str, Any]]:
    """Run the cells in a folder, which gets their store, and return them as a notebook has them."""
    names: dict[str, Any] = {}
    found = []
    with contextlib.chdir(folder):
        for number, (kind, source) in enumerate(cells()):
            cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
            cell["source"] = source.splitlines(keepends=True)
            if kind == "code":
                cell |= {"execution_count": None, "outputs": _outputs(source, names)}
            found.append(cell)
    return found


def _outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell and return what it prints and what its last line gives."""
    *before, last = ast.parse(source).body
    is_value = isinstance(last, ast.Expr)
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module([*before, *([] if is_value else [last])], []), "<cell>", "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307
    outputs: list[dict[str, Any]] = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": [repr(value)]} | _forms(value)
        outputs.append({"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}})
    return outputs


def _forms(value: object) -> dict[str, Any]:
    """Return a value as HTML, an image or Markdown, as far as it has such forms."""
    forms = {kind: getattr(value, name)() for kind, name in FORMS.items() if hasattr(value, name)}
    return {kind: base64.b64encode(one).decode() if isinstance(one, bytes) else one for kind, one in forms.items()}


def main() -> None:
    """Run the cells and write the notebook."""
    argparse.ArgumentParser(prog="python -m documenting.notebook", description=__doc__).parse_args()
    with TemporaryDirectory() as folder:
        found = executed(Path(folder))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": found, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
