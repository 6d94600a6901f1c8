"""``+preset=smoke``: every experiment works, and leaves what the reference says."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from documenting.reference import FINDINGS
from tests.conftest import ROOT, run_command
from tests.docs.documents import BLOCK
from tests.reading import artifacts, client

FOUND = yaml.safe_load(FINDINGS.read_text())
COMMON, TAGS = FOUND.pop("every experiment"), FOUND.pop("tags")
del FOUND["variables"]

SOME_RUNS = " ?"
"""Behind a name that not every run has."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A working folder in which the preset has run."""
    folder = tmp_path_factory.mktemp("smoke")
    done = run_command("-m", "runner", "-m", "+preset=smoke", "device=cpu", cwd=folder, fresh=True)
    assert done.status == 0, done.out + done.err
    assert "**6 jobs**: 6 FINISHED." in done.out
    return folder


@pytest.fixture(scope="module")
def smoke(folder) -> dict[str, dict[str, set[str]]]:
    """What each experiment's run has left, and the sweep's: its metrics, tags, artifacts and, by table, columns."""
    store = folder / "mlruns"
    reader = client(store)
    found = reader.search_runs([experiment.experiment_id for experiment in reader.search_experiments()])
    return {run.data.tags.get("experiment", "sweep"): left(artifacts(store, run), run) for run in found}


def left(folder: Path, run: Any) -> dict[str, set[str]]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    tables = {name: set(path.read_text().splitlines()[0].split(",")) for name, path in files.items() if ".csv" in name}
    return {"metrics": set(run.data.metrics), "tags": set(run.data.tags), "artifacts": set(files), **tables}


def told(owner: str, kind: str) -> set[str]:
    """The names that the reference has for what an experiment leaves."""
    own = FOUND[owner]
    common = COMMON["columns" if kind.endswith(".csv") else kind] if owner != "sweep" or kind == "artifacts" else {}
    return {*own.get(kind, ()), *own.get(f"{kind}{SOME_RUNS}", ()), *common}


def without(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    kept = [pattern.removesuffix(SOME_RUNS) for pattern in patterns]
    return {name for name in names if not any(fnmatchcase(name, pattern) for pattern in kept)}


def unmet(patterns: Iterable[str], names: set[str]) -> set[str]:
    always = (pattern for pattern in patterns if not pattern.endswith(SOME_RUNS))
    return {pattern for pattern in always if not any(fnmatchcase(name, pattern) for name in names)}


@pytest.mark.parametrize("owner", FOUND)
def test_what_a_run_leaves_is_in_the_reference(smoke, owner) -> None:
    found = smoke[owner]
    tables = {kind for kind in FOUND[owner] if ".csv" in kind}
    assert without(found["metrics"], told(owner, "metrics")) == set()
    assert without(found["artifacts"], {*told(owner, "artifacts"), *tables}) == set()
    assert without(found["tags"], {*TAGS, "mlflow.*"}) == set()
    for table in (name for name in found if name.endswith(".csv") and FOUND[owner]):
        assert without(found[table], told(owner, table)) == set(), table


@pytest.mark.parametrize("owner", FOUND)
def test_what_is_in_the_reference_is_left(smoke, owner) -> None:
    found = smoke[owner]
    kinds = {kind for kind in FOUND[owner] if not kind.endswith(SOME_RUNS)}
    assert {kind: unmet(FOUND[owner][kind], found[kind]) for kind in kinds} == {kind: set() for kind in kinds}


def test_a_notebook_reads_them(folder) -> None:
    text = (ROOT / "docs" / "howto" / "notebook.md").read_text()
    cells = [block for language, block in BLOCK.findall(text) if language == "python"]
    (cell,) = (block for block in cells if block.startswith("import mlflow"))
    done = run_command("-c", f"{cell}print(list(results.n))", cwd=folder)
    assert done.out == "[1, 1000]\n", done.err


def test_common_things_are_left_somewhere(smoke) -> None:
    for kind in ("metrics", "artifacts"):
        assert unmet(COMMON[kind], {name for found in smoke.values() for name in found[kind]}) == set()
    columns = {name for found in smoke.values() for table in found if table.endswith(".csv") for name in found[table]}
    assert unmet(COMMON["columns"], columns) == set()
