"""From outside: a wheel in a fresh environment, another package's experiment, a user's own folder of choices."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import QUICK, ROOT, Finished
from tests.reading import artifacts, client, only_run
from tests.waiting import PATIENCE

PACKAGE = ROOT / "tests" / "outside_package"
CHOICES = PACKAGE / "choices"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheels of this project and of the outside package, installed; the checkout is not on the path.

    Their dependencies come from the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("installed")
    for project in (ROOT, PACKAGE):
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "wheels", project)
    _run(sys.executable, "-m", "venv", folder / "venv", "--without-pip", "--system-site-packages")
    python = folder / "venv" / "bin" / "python"
    target = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target]
    _run(*pip, *sorted((folder / "wheels").glob("*.whl")))
    site_packages = Path(_run(sys.executable, "-c", "import mlflow; print(mlflow.__file__)").stdout).parent.parent
    (target / "dependencies.pth").write_text(f"{site_packages}\n")
    return python


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)


@pytest.fixture
def outside(installed, tmp_path):
    def run(*arguments: str) -> Finished:
        command = [str(installed), "-m", "runner", "tracking.dir=store", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def test_the_installed_wheel_runs_the_main_job(outside, store):
    done = outside("experiment=matmul", "experiment.sizes=[1,10]", *QUICK)
    assert done.status == 0, done.err
    run = only_run(store)
    assert run.info.status == "FINISHED"
    assert "mlflow.source.git.commit" not in run.data.tags
    assert (artifacts(store, run) / "plots" / "time.png").exists()


def test_help_shows_the_users_own_choices(outside):
    done = outside("--help", "--config-dir", str(CHOICES))
    assert "experiment=doubling      Doubles a number." in done.out
    assert "device=one_thread        The CPU with one thread." in done.out


def test_another_packages_experiment_runs(outside, store):
    done = outside("--config-dir", str(CHOICES), "experiment=doubling", "device=one_thread", "experiment.number=21")
    assert done.status == 0, done.err
    run = only_run(store, "doubling")
    assert run.data.metrics == {"doubled": 42.0}
    assert run.data.params["device.intra_op_threads"] == "1"
    assert run.data.tags["mlflow.note.content"] == "Twice 21."
    assert (artifacts(store, run) / "notes" / "doubled.txt").read_text() == "doubled"
    assert "a line for the log" in (artifacts(store, run) / "lab.log").read_text()


def test_another_packages_config_is_checked_like_ours(outside):
    done = outside("--config-dir", str(CHOICES), "experiment=doubling", "experiment.numbr=21")
    assert done.status == 2
    assert done.err == (
        "runner: experiment.numbr: no such key (did you mean experiment.number?); "
        "'python -m runner --cfg job' shows all of them\n"
    )


@pytest.mark.parametrize(
    ("fail", "says"),
    [
        ("crash", "the experiment crashed (ZeroDivisionError: on purpose); the run has the traceback"),
        ("refuse", "there is no answer, on purpose"),
        ("kill", "the worker process was killed by SIGKILL; the system kills so when memory runs out"),
        ("exit", "the worker process ended with status 7 and without a result"),
    ],
)
def test_an_experiment_that_fails(outside, store, fail, says):
    done = outside("--config-dir", str(CHOICES), "experiment=doubling", f"experiment.fail={fail}", "device=cpu")
    assert done.status == 1
    assert done.err.splitlines()[-1] == f"runner: {says}"
    assert ("Traceback" in done.err) == (fail == "crash")
    run = only_run(store, "doubling")
    assert run.info.status == "FAILED"
    assert run.data.metrics == {"doubled": 2.0}
    assert run.data.tags["mlflow.note.content"] == f"**FAILED**: {says}\n\nTwice 1."
    files = {file.path for file in client(store).list_artifacts(run.info.run_id)}
    assert ("traceback.txt" in files) == (fail == "crash")
    assert "lab.log" in files


def test_a_clean_clone_needs_nothing_of_this_folder(tmp_path):
    """What is not committed is not there: everything the command needs is in git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    clone = tmp_path / "clone"
    _run("git", "clone", "--quiet", ROOT, clone)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "experiment.sizes=[2]", *QUICK], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert only_run(clone / "mlruns").info.status == "FINISHED"
    assert _run("git", "-C", clone, "status", "--porcelain").stdout == ""
