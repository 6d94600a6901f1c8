"""Which changes of the code make the results of before useless, and which do not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.matmul import Matmul
from runner import environment
from runner.config import code
from tests.conftest import ROOT


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the code, which is hashed instead."""
    for package in ("experiments", "runner"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", tmp_path)
    code.code_hash.cache_clear()
    yield tmp_path
    code.code_hash.cache_clear()


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("experiments/matmul/product.py", True),
        ("experiments/measure/adaptive.py", True),
        ("experiments/recorder.py", True),
        ("runner/execution/worker.py", True),
        ("experiments/training/losses.py", False),
        ("experiments/reporting/markdown.py", False),
        ("runner/cli/help.py", False),
        ("runner/execution/scheduler.py", False),
    ],
)
def test_what_matters(sources: Path, file: str, matters: bool) -> None:
    before = code.code_hash(Matmul)
    (sources / file).write_text((sources / file).read_text() + "\n# changed\n")
    code.code_hash.cache_clear()
    assert (code.code_hash(Matmul) != before) is matters


def test_files_that_come_and_go_matter(sources: Path) -> None:
    before = code.code_hash(Matmul)
    (sources / "experiments" / "matmul" / "tricks.py").touch()
    code.code_hash.cache_clear()
    assert code.code_hash(Matmul) != before


def test_the_installed_packages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = environment.requirements()
    assert f"numpy=={environment.package_version('numpy')}" in found
    assert f"hydra-core=={environment.package_version('hydra-core')}" in found
