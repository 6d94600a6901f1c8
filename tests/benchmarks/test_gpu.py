"""``python -m benchmarks.gpu`` on a CPU: the whole report, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.gpu import archive, processes
from benchmarks.gpu.cards import FORMATS, card_named
from benchmarks.gpu.outcome import BROKE, FAULTY, NEEDS_GPU, OUT_OF_TIME, PASSED, Outcome
from benchmarks.gpu.report import Report
from benchmarks.gpu.step import Step
from benchmarks.gpu.steps import STEPS
from tests.conftest import Finished, environment, run_command
from tests.waiting import PATIENCE, SOON

LETTERS = "abcdefghij"


def gpu(*arguments: str, cwd: Path, timeout: float = PATIENCE) -> Finished:
    return run_command("-m", "benchmarks.gpu", *arguments, cwd=cwd, timeout=timeout)


def steps_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report.json").read_text())["steps"])


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """All steps, and their folder."""
    folder = tmp_path_factory.mktemp("gpu")
    words = ("--device", "cpu", "--quick", "--out", "report", "--minutes", "20")
    return gpu(*words, cwd=folder, timeout=2 * PATIENCE), folder / "report"


@pytest.mark.slow
class TestTheWholeReport:
    """Every step, with small sizes on a CPU."""

    @pytest.fixture
    def folder(self, ended: tuple[Finished, Path]) -> Path:
        return ended[1]

    def test_every_step_passes_and_is_told_as_it_ends(self, ended: tuple[Finished, Path]) -> None:
        finished, folder = ended
        assert {letter: step["status"] for letter, step in steps_of(folder).items()} == dict.fromkeys(
            LETTERS, PASSED
        ), finished.out
        assert finished.status == 0
        told = [line for line in finished.out.splitlines() if f"  {PASSED}, " in line]
        assert [line[0] for line in told] == list(LETTERS)

    def test_what_needs_a_gpu_is_said_and_nothing_about_one_is_claimed(self, folder: Path) -> None:
        steps = steps_of(folder)
        needing = [
            letter for letter, step in steps.items() if NEEDS_GPU in {one["verdict"] for one in step["findings"]}
        ]
        assert needing == ["a", "b", "c", "d", "i", "j"]
        assert steps["a"]["facts"]["card"] == ""
        assert all(row["share"] == "-" for row in steps["j"]["tables"][0]["rows"])

    def test_the_figures_are_those_of_the_runs(self, folder: Path) -> None:
        steps = steps_of(folder)
        inner = steps["b"]["tables"][0]["rows"]
        assert [row["n"] for row in inner] == ["1", "100", "10,000"]
        shown = float(inner[-1]["CPU:0 float32"].removesuffix(" µs").replace(",", ""))
        medians = [
            float(row["median_us"])
            for path in folder.glob("store/artifacts/matmul/*/artifacts/results.csv")
            for row in csv.DictReader(io.StringIO(path.read_text(), newline=""))
            if row["n"] == "10000" and row["status"] == "measured"
        ]
        assert any(median == pytest.approx(shown, rel=1e-3) for median in medians)
        assert len(steps["e"]["tables"][0]["rows"]) == 12
        assert {row["operator"] for row in steps["f"]["tables"][0]["rows"]} == {"dense", "relu", "conv2d"}

    def test_one_of_the_sweeps_jobs_was_killed(self, folder: Path) -> None:
        findings = {one["what"]: one["seen"] for one in steps_of(folder)["i"]["findings"]}
        assert "3 FINISHED" in findings["4 jobs, one of them killed: the others finish"]

    def test_the_markdown_has_each_step_its_commands_and_its_plots(self, folder: Path) -> None:
        text = (folder / "report.md").read_text()
        for step in STEPS:
            assert f"## {step.letter}. {step.title}" in text
        assert "python -m runner -m +preset=cpu_vs_gpu" in text
        plots = steps_of(folder)["b"]["plots"]
        assert len(plots) == 2
        for plot in plots:
            assert f"]({plot})" in text
            assert (folder / plot).read_bytes().startswith(b"\x89PNG")

    def test_the_archive_has_all_of_it(self, folder: Path) -> None:
        path = folder / archive.NAME
        assert path.stat().st_size < archive.MOST_BYTES
        with tarfile.open(path) as packed:
            names = set(packed.getnames())
        assert {"gpu-report/report.md", "gpu-report/report.json", "gpu-report/store/mlflow.db"} <= names
        assert any(name.startswith("gpu-report/plots/") for name in names)

    def test_steps_that_have_ended_are_not_run_again(self, folder: Path) -> None:
        before = steps_of(folder)
        again = gpu("--device", "cpu", "--quick", "--out", str(folder), cwd=folder.parent)
        assert again.status == 0
        assert again.out.count("from before") == len(LETTERS)
        assert steps_of(folder) == before


@pytest.mark.slow
def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--steps", "j"]
    hidden = environment() | {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, cwd=tmp_path, env=hidden, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert done.stderr == "benchmarks.gpu: TensorFlow sees no GPU here; --device cpu runs the steps on a CPU\n"


def test_help_names_every_step(tmp_path: Path) -> None:
    done = gpu("--help", cwd=tmp_path)
    assert done.status == 0
    for step in STEPS:
        assert f"  {step.letter}  {step.title}" in done.out


def test_an_unknown_step_is_refused(tmp_path: Path) -> None:
    done = gpu("--steps", "a,z", cwd=tmp_path)
    assert done.status == 2
    assert "there is no step 'z'; there are a, b, c" in done.err


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = gpu("--out", ".", cwd=tmp_path)
    assert (done.status, os.listdir(tmp_path)) == (2, ["mine.txt"])
    assert "is not empty and has no report.json" in done.err


def test_a_report_of_another_device_is_left_alone(tmp_path: Path) -> None:
    Report(tmp_path / "report", "gpu", quick=False).write()
    done = gpu("--out", "report", "--device", "cpu", cwd=tmp_path)
    assert done.status == 2
    assert "is a report for device=gpu" in done.err


def look_and_find(bench: Any) -> None:
    bench.judge("one and one", 1 + 1 == 2, 2)


def look_and_fault(bench: Any) -> None:
    bench.judge("one and one", 1 + 1 == 3, 2)


def look_and_crash(bench: Any) -> None:
    bench.note("before", "seen")
    raise ZeroDivisionError("no")


def look_for_long(bench: Any) -> None:
    bench.note("before", "seen")
    bench.check("sees")


@pytest.mark.parametrize(
    ("look", "seconds", "status"),
    [
        (look_and_find, 10, PASSED),
        (look_and_fault, 10, FAULTY),
        (look_and_crash, 10, BROKE),
        (look_for_long, 0, OUT_OF_TIME),
    ],
)
def test_a_step_ends_alone_and_keeps_its_findings(
    tmp_path: Path, look: Callable[[Any], None], seconds: float, status: str
) -> None:
    outcome = Step("x", "a question", seconds, look).run(tmp_path, "cpu", True, seconds_left=60)
    assert outcome.status == status
    assert len(outcome.findings) == 1
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome


def test_a_process_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    program = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    process = processes.start(("-c", f"{program} print(1); time.sleep(60)"), tmp_path / "log")
    while "1" not in (tmp_path / "log").read_text():
        time.sleep(0.01)
    (child,) = psutil.Process(process.pid).children()
    with pytest.raises(processes.OutOfTime):
        processes.wait(process, tmp_path / "log", deadline=time.monotonic())
    psutil.wait_procs([child], timeout=SOON)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert process.returncode


def test_the_largest_artifacts_are_left_out_first_and_named(tmp_path: Path) -> None:
    sizes = {"report.md": 3000, "store/mlflow.db": 3000, "store/artifacts/model": 9000, "store/artifacts/log": 1000}
    for name, size in sizes.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))  # cannot be packed
    assert archive.write(tmp_path, most_bytes=30_000) == []
    assert archive.write(tmp_path, most_bytes=10_000) == ["store/artifacts/model (0.01 MB)"]
    with tarfile.open(tmp_path / archive.NAME) as packed:
        kept = set(packed.getnames())
    assert kept == {f"gpu-report/{name}" for name in sizes if name != "store/artifacts/model"}


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("NVIDIA H100 80GB HBM3", {"float32": 67, "tf32": 494.5}),
        ("Tesla T4", {"float32": 8.1, "float16": 65}),
    ],
)
def test_a_card_is_found_by_the_drivers_name_for_it(name: str, stated: Mapping[str, float]) -> None:
    card = card_named(name)
    assert stated.items() <= card.tflops.items()
    assert card.tflops.keys() <= FORMATS.keys()


@pytest.mark.parametrize("name", ["", "NVIDIA Unheard-of 9000", "NVIDIA A100-SXM4-40GB MIG 1g.5gb"])
def test_a_card_that_is_not_in_the_table_has_no_figures(name: str) -> None:
    assert card_named(name) is None
