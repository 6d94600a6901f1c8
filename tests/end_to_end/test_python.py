"""``from runner import run``: runs from a script and from a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from documenting.notebook import NOTEBOOK, cells, executed
from tests.conftest import QUICK, run_command
from tests.reading import only_run, runs

SCRIPT = f"""
import json, sys
from runner import run

QUICK = {list(QUICK)!r}
before = list(sys.argv)
one = run("experiment.sizes=[1,8]", *QUICK)
sweep = run("-m", "experiment.sizes=[1]", "experiment.mode=eager,graph", "tracking.experiment=modes", *QUICK)
one.figures["time"].save("time.png")
found = {{
    "status": one.status,
    "id": one.run_id,
    "median": one.history("time/median_us"),
    "last": one.metrics["time/median_us"],
    "dtype": one.config["experiment.dtype"],
    "sizes": one.tables["results"]["n"].tolist(),
    "shown": one._repr_markdown_(),
    "modes": [job.config["experiment.mode"] for job in sweep.jobs],
    "summary": len(sweep.tables["summary"]),
    "is_untouched": before == sys.argv,
}}
with open("found.json", "w") as file:
    json.dump(found, file)
"""
"""Without a guard: the processes that it starts do not run it again."""


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("script")
    (folder / "mine.py").write_text(SCRIPT)
    done = run_command("mine.py", cwd=folder)
    assert done.status == 0, done.err
    return folder


def test_a_script_gets_what_the_store_has(scripted: Path) -> None:
    found = json.loads((scripted / "found.json").read_text())
    run = only_run(scripted / "mlruns")
    assert (found["status"], found["id"], found["dtype"]) == ("FINISHED", run.info.run_id, "float32")
    assert found["sizes"] == [1, 8]
    assert found["median"]["8"] == found["last"] == run.data.metrics["time/median_us"]
    assert found["shown"].startswith(f"**{run.info.run_name}**: FINISHED")
    assert "get-artifact" not in found["shown"]
    assert (scripted / "time.png").read_bytes().startswith(b"\x89PNG")
    assert found["is_untouched"]


def test_a_sweep_has_its_jobs(scripted: Path) -> None:
    found = json.loads((scripted / "found.json").read_text())
    assert (found["modes"], found["summary"]) == (["eager", "graph"], 2)
    assert len(runs(scripted / "mlruns", "modes")) == 3


def test_the_notebook_of_the_documents_runs(tmp_path: Path) -> None:
    kept = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert ["".join(cell["source"]) for cell in kept] == [source for kind, source in cells() if kind == "code"]
    now = executed(tmp_path)
    assert [_kinds(cell) for cell in kept] == [_kinds(cell) for cell in now if cell["cell_type"] == "code"]


def _kinds(cell: dict) -> list[str]:
    """The kinds of a cell's outputs, such as text/html for a table."""
    return sorted({kind for output in cell["outputs"] for kind in output.get("data", {output["output_type"]: None})})
