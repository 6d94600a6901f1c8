"""A working folder with packages that are called as ours are."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import QUICK, ROOT, run_command
from tests.reading import only_run


def test_ours_are_found_first_and_theirs_still_import(tmp_path: Path) -> None:
    for name in ("experiments", "conf", "runner"):
        (tmp_path / name).mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("raise SystemExit('theirs was imported')")
    (tmp_path / "conf" / "config.yaml").write_text("theirs: 1")
    (tmp_path / "helpers.py").write_text("")
    words = ("-m", "runner", "tracking.dir=store", "experiment.sizes=[8]", *QUICK)
    done = run_command(*words, cwd=tmp_path, fresh=True)
    assert done.status == 0, done.err
    assert only_run(tmp_path / "store").info.status == "FINISHED"
    assert run_command("-m", "runner.store", "check", "tracking.dir=store", cwd=tmp_path, fresh=True).status == 0

    code = (
        "import runner, experiments, helpers; from experiments.runtime import subprocesses as s; print(s.search_path())"
    )
    done = run_command("-c", code, cwd=tmp_path)
    assert done.out.startswith(str(ROOT)), done.err


def test_a_whole_package_called_runner(tmp_path: Path) -> None:
    """``python -m runner`` is theirs then: Python decides so before anything of ours. -P leaves the folder out."""
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "__init__.py").write_text("")
    done = run_command("-P", "-m", "runner", "--version", cwd=tmp_path)
    assert (done.status, done.out.startswith("tensorflow-lab-bench")) == (0, True)
