"""Nothing of the environment, of a password or of what a resolver finds gets into the store or onto the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.validators import InvalidField
from runner import environment
from runner.config.tracking_settings import Tracking
from runner.config.tracking_words import with_environment
from tests.conftest import Finished, run_command
from tests.end_to_end.sweeping import TRIAL, trial_environment
from tests.reading import runs

CANARY = "canary7391"
"""Stands in everything that must not be kept or shown."""

SECRETS = {
    "MY_PASSWORD": CANARY,
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "DATABASE_URL": f"postgresql://me:{CANARY}@host/db",
    "UNRELATED": CANARY,
    "MLFLOW_TRACKING_PASSWORD": CANARY,
    "MLFLOW_TRACKING_TOKEN": CANARY,
    "MLFLOW_S3_ENDPOINT_URL": f"https://me:{CANARY}@host/?access_token={CANARY}",
    "TF_API_KEY": CANARY,
    "TF_VAR_database": CANARY,
    "CUDA_CACHE_PATH": f"https://me:{CANARY}@host/cache",
}
"""Variables that environment.json does not keep, and some that it keeps without a value, or without its password."""


def _run(folder: Path, *words: str) -> Finished:
    command = ("-m", "runner", "--config-dir", str(TRIAL / "choices"), "tracking.dir=store", *words)
    return run_command(*command, cwd=folder, env=trial_environment() | SECRETS)


def _require_none(folder: Path, done: Finished) -> None:
    assert CANARY not in done.out + done.err
    found = [path for path in folder.rglob("*") if CANARY in path.name]
    found += [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert found == []


@pytest.mark.slow
def test_runs_that_finish_fail_crash_and_refuse_keep_no_secret(tmp_path):
    """The address is not used, since the store is local, but is part of the config."""
    done = _run(
        tmp_path,
        "-m",
        "experiment=trial",
        "device=cpu",
        "experiment.ends=well,badly,crashing,refusing",
        f"tracking.uri='http://me:{CANARY}@host:5000'",
    )
    assert done.status == 1, done
    store = tmp_path / "store"
    ended = [run.info.status for run in runs(store, "trial")]
    assert sorted(ended) == ["FAILED"] * 4 + ["FINISHED"]  # the sweep is one of those that failed
    kept = "".join(path.read_text() for path in store.rglob("environment.json"))
    assert "MLFLOW_S3_ENDPOINT_URL" in kept  # what is looked for could be there
    _require_none(tmp_path, done)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["${oc.env:MY_PASSWORD}", "${oc.decode:${oc.env:MY_PASSWORD}}", "${hydra:job.name}"])
def test_no_word_reads_the_environment(tmp_path, value):
    done = _run(tmp_path, f"tracking.experiment='{value}'")
    assert (done.status, done.out) == (2, "")
    assert "have the shell write it, if it is no secret" in done.err
    _require_none(tmp_path, done)
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_choices_reads_the_environment(main, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_PASSWORD", CANARY)
    folder = tmp_path / "mine" / "preset"
    folder.mkdir(parents=True)
    for value in ("seed: ${oc.env:MY_PASSWORD}", "experiment: {sizes: ['${oc.env:MY_PASSWORD}']}"):
        (folder / "telling.yaml").write_text(f"# @package _global_\n{value}\n")
        done = main(f"--config-dir={folder.parent}", "+preset=telling")
        assert done.status == 2
        assert "reads the environment" in done.err
        _require_none(tmp_path, done)


@pytest.mark.parametrize(
    "uri",
    [
        f"ftp://me:{CANARY}@host",
        f"ftp://me:{CANARY}",
        f"me:{CANARY}@host",
        f"https://host/?access_token={CANARY}",
        *(f"http://me:{CANARY}{sign}{CANARY}@host" for sign in " /\\?#[\x07\n\t\u2028"),
        f"http://me@{CANARY}/{CANARY}@host",
    ],
)
@pytest.mark.parametrize("kind", ["local", "server"])
def test_no_address_that_is_refused_shows_its_password(kind, uri):
    """One that is not used is refused, too: it would be kept with the config."""
    with pytest.raises(InvalidField) as refused:
        Tracking(kind=kind, uri=uri)
    assert refused.value.field == "uri"
    assert CANARY not in str(refused.value)


def test_no_plan_shows_a_password(main, tmp_path):
    done = main(f"tracking.uri=http://me:{CANARY}@host", "plan=true")
    assert "tracking.uri=http://***@host does it" in done.out
    _require_none(tmp_path, done)


@pytest.mark.parametrize("sign", " /?#[@:%")
def test_no_variable_with_an_address_shows_its_password(monkeypatch, capsys, sign):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{CANARY}{sign}{CANARY}@host")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "known")
    with_environment([])
    assert "runs are kept by http://***@host;" in capsys.readouterr().err
    assert environment.variables()["MLFLOW_TRACKING_URI"] == "http://***@host"
