"""``python -m runner.store`` on stores that plain MLflow calls have written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mlflow
import pandas
import pytest

from runner.compare import main as compare_main
from runner.store import main as store_main
from runner.tracking import database, moving, tags
from runner.tracking.orphans import owner_tags
from runner.tracking.store import LocalStore
from tests.conftest import Finished
from tests.in_process import call_main
from tests.runner.small_database import small_database

DAY = 86_400_000

OF_A_RUN = ("environment.json", "results.csv", "MLmodel")


class Archive:
    """A store with a sweep of two jobs, a run with a registered model and a failed run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        store = LocalStore(folder)
        store.check()
        self.client = store.open()
        self.experiment = self.client.create_experiment("matmul", store.artifact_location("matmul"))
        self.sweep = self.run("a sweep", 100, {tags.KEY: "key"})
        for number in (1, 2):
            self.run(f"job {number}", 90 - number, {tags.PARENT: self.sweep})
        self.trained = self.run("trained", 50)
        self.register(self.trained, "cats")
        self.run("failed", 1, status="FAILED")

    def run(self, name: str, days_ago: int, tagged: dict[str, str] | None = None, status: str = "FINISHED") -> str:
        begin = round(time.time() * 1000) - days_ago * DAY
        tagged = {tags.FINGERPRINT: "x"} | (tagged or {})
        run_id: str = self.client.create_run(self.experiment, begin, tagged, name).info.run_id
        self.client.log_param(run_id, "experiment.dtype", "float32")
        self.client.log_metric(run_id, "speed", 1.5)
        for file in OF_A_RUN:
            self.client.log_text(run_id, "{}", file)
        if status != "RUNNING":
            self.client.set_terminated(run_id, status)
        return run_id

    def register(self, run: str, name: str) -> None:
        model = self.client.create_logged_model(self.experiment, source_run_id=run)
        scratch = self.folder / "scratch"
        scratch.mkdir()
        (scratch / "MLmodel").write_text("{}")
        self.client.log_model_artifacts(model.model_id, str(scratch))
        shutil.rmtree(scratch)
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.create_registered_model(name)
        self.client.create_model_version(name, model.artifact_location, run, model_id=model.model_id)

    def opened_at(self, folder: Path) -> Archive:
        """The same store elsewhere."""
        moved = Archive.__new__(Archive)
        moved.__dict__ |= self.__dict__ | {"folder": folder, "client": LocalStore(folder).open()}
        return moved

    def call(self, *words: str, program: Callable[[], int] = store_main) -> Finished:
        return call_main(*words, f"tracking.dir={self.folder}", cwd=self.folder.parent, program=program)

    @property
    def names(self) -> list[str]:
        found = self.client.search_runs([self.experiment], order_by=["attributes.start_time ASC"])
        return [run.info.run_name for run in found]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive(tmp_path_factory.mktemp("made") / "store")


@pytest.fixture
def archive(made: Archive, tmp_path: Path) -> Archive:
    folder = tmp_path / "store"
    shutil.copytree(made.folder, folder)
    done = moving.relocate(folder, folder / "mlflow.db")
    assert done
    done.backup.unlink()
    return made.opened_at(folder)


@pytest.fixture
def moved(archive: Archive) -> Archive:
    """A store as ``mv`` leaves it."""
    return archive.opened_at(archive.folder.rename(archive.folder.with_name("elsewhere")))


def test_a_store_that_is_well(archive: Archive) -> None:
    done = archive.call("check")
    assert (done.status, done.out, done.err) == (0, f"{archive.folder}: nothing is wrong\n", "")


def test_runs_that_cannot_be_looked_into_are_not_called_lost(archive: Archive) -> None:
    """Such as those of another user; a name that is too long fails alike for everybody."""
    with closing(sqlite3.connect(archive.folder / "mlflow.db")) as connection, connection:
        where = (f"file:///{'x' * 300}/artifacts", archive.trained)
        connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", where)
    assert "without artifacts" not in archive.call("check").out


def test_what_is_wrong(archive: Archive) -> None:
    going_on = archive.run("going on", 0, owner_tags(), "RUNNING")
    dead = archive.run("dead", 0, owner_tags() | {tags.PROCESS: "1 1"}, "RUNNING")
    shutil.rmtree(archive.folder / "artifacts" / "matmul" / archive.trained)
    shutil.rmtree(archive.folder / "artifacts" / "matmul" / "models")
    done = archive.call("check")
    assert done.status == 1
    orphan, lost_run, lost_model, lost_version = done.out.splitlines()
    assert f"1 run ({dead[:8]}) is RUNNING, but the process is gone" in orphan
    assert f"1 run ({archive.trained[:8]}) is without artifacts; python -m runner.store prune" in lost_run
    assert "1 logged model" in lost_model
    assert lost_version.startswith("cats/1: registered, but without files")
    assert {run.info.status for run in map(archive.client.get_run, (going_on, dead))} == {"RUNNING"}


def test_a_check_changes_no_older_database(tmp_path: Path) -> None:
    small_database(tmp_path / "mlflow.db", revision="cc1f77228345")
    before = (tmp_path / "mlflow.db").read_bytes()
    done = call_main("check", f"tracking.dir={tmp_path}", cwd=tmp_path, program=store_main)
    assert done.status == 1
    assert "was made by an older MLflow; the next command that opens the store migrates it" in done.out
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_a_moved_store_is_taken_over(moved: Archive) -> None:
    old = moved.folder.with_name("store")
    assert f"was made as {old} and looks for its artifacts there" in moved.call("check").out
    refused = moved.call("failed", "trained", program=compare_main)
    assert (refused.status, "python -m runner.store relocate" in refused.err) == (2, True)

    done = moved.call("relocate")
    assert (done.status, done.err) == (0, "")
    assert f"is at home now: 10 addresses began with {old}" in done.out
    (backup,) = moved.folder.glob("mlflow.db.moved.*")
    assert str(backup) in done.out
    assert moved.call("check").status == 0
    moved.client.download_artifacts(moved.trained, "results.csv")
    mlflow.set_tracking_uri(moved.client.tracking_uri)
    try:
        mlflow.artifacts.download_artifacts("models:/cats/1")
    finally:
        mlflow.set_tracking_uri(None)  # else later tests find the address in MLFLOW_TRACKING_URI
    assert str(moved.folder) in moved.client.get_model_version("cats", "1").source
    assert not old.exists()
    assert "nothing to do" in moved.call("relocate").out


def test_the_old_place_may_be_one_that_cannot_be_looked_at(tmp_path: Path) -> None:
    """Such as the home of another user; a name that is too long fails alike for everybody."""
    old = Path("/", "x" * 300, "store")
    database = tmp_path / "mlflow.db"
    small_database(database, experiments=[("matmul", (old / "artifacts" / "matmul").as_uri())])
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, columns in moving.ADDRESSES.items():
            if table != "experiments":
                connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    done = moving.relocate(tmp_path, database)
    assert done
    assert (done.homes, done.addresses) == ([old], 1)


def test_a_copy_becomes_independent_and_the_original_stays(archive: Archive) -> None:
    copy = archive.folder.with_name("copy")
    shutil.copytree(archive.folder, copy)
    assert archive.opened_at(copy).call("relocate").status == 0
    assert archive.opened_at(copy).call("prune", "--older-than", "0d", "--delete").status == 0
    assert archive.call("check").status == 0
    assert len(archive.names) == 5


def test_runs_of_mlflows_own_experiment_move_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow makes Default for mlruns/0 in the working folder, which may be the store."""
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "mlruns"
    client = LocalStore(store).open()
    client.create_experiment("matmul", LocalStore(store).artifact_location("matmul"))
    (default,) = (kept for kept in database.experiments(store / "mlflow.db") if kept.id == 0)
    database.relocate(store / "mlflow.db", default, str(store / "0"))
    run = client.create_run("0").info.run_id
    client.log_text(run, "{}", "results.csv")
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    shutil.rmtree(store)
    words = f"tracking.dir={copy}"
    assert call_main("relocate", words, cwd=tmp_path, program=store_main).status == 0
    assert LocalStore(copy).open().get_run(run).info.artifact_uri.startswith(str(copy))


def test_what_cannot_be_relocated(moved: Archive) -> None:
    running = moved.run("going on", 0, owner_tags(), "RUNNING")
    assert f"{running[:8]} still RUNNING" in moved.call("relocate").err
    moved.client.set_terminated(running)
    old = moved.folder.with_name("store")
    shutil.move(moved.folder / "artifacts", old / "artifacts")
    done = moved.call("relocate")
    assert done.status == 2
    assert f"the artifacts are still in {old / 'artifacts'}" in done.err


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_runs(archive: Archive, suffix: str) -> None:
    """The last value of a metric that became NaN is none; the store has an earlier one."""
    archive.client.set_tag(archive.trained, tags.NOT_FINITE, "loss\nspeed")
    path = archive.folder.with_suffix(suffix)
    done = archive.call("export", str(path), "--where", "attributes.status = 'FINISHED'")
    assert (done.status, done.out, done.err) == (0, f"{path}: 4 runs\n", "")
    table = pandas.read_csv(path) if suffix == ".csv" else pandas.read_parquet(path)
    assert list(table["tags.mlflow.runName"]) == ["trained", "job 2", "job 1", "a sweep"]
    assert set(table["params.experiment.dtype"]) == {"float32"}
    assert list(table["metrics.speed"].fillna(0)) == [0, 1.5, 1.5, 1.5]


def test_nothing_is_pruned_unasked(archive: Archive) -> None:
    done = archive.call("prune", "--older-than", "30d")
    assert done.status == 0
    assert done.out.splitlines()[-1].startswith("4 runs, 1 logged models, 1 registered versions, 0.0 MiB would be")
    assert (len(archive.names), archive.call("check").status) == (5, 0)


def test_a_run_goes_with_all_that_belongs_to_it(archive: Archive) -> None:
    assert archive.call("prune", "trained", "--delete").status == 0
    assert archive.names == ["a sweep", "job 1", "job 2", "failed"]
    assert archive.client.search_registered_models() == []
    assert archive.client.search_logged_models([archive.experiment]) == []
    left = {path.name for path in (archive.folder / "artifacts" / "matmul").iterdir()}
    assert archive.trained not in left
    assert archive.call("check").status == 0


def test_a_sweep_goes_with_its_jobs(archive: Archive) -> None:
    assert archive.call("prune", archive.sweep[:10], "--delete").status == 0
    assert archive.names == ["trained", "failed"]


def test_conditions_are_joined(archive: Archive) -> None:
    assert (
        archive.call("prune", "--where", "attributes.status = 'FINISHED'", "--older-than", "60d", "--delete").status
        == 0
    )
    assert archive.names == ["trained", "failed"]


def test_a_condition_takes_no_job_that_does_not_fulfil_it(archive: Archive) -> None:
    """A sweep of which one job has failed is FAILED; the others have not."""
    archive.client.set_terminated(archive.sweep, "FAILED")
    archive.run("job 3", 87, {tags.PARENT: archive.sweep}, "FAILED")
    done = archive.call("prune", "--where", "attributes.status = 'FAILED'", "--delete")
    assert f"{archive.sweep[:8]}  stays: 2 of its jobs are not among those chosen; name the sweep" in done.out
    assert archive.names == ["a sweep", "job 1", "job 2", "trained"]


def test_no_job_is_taken_from_a_sweep_that_goes_on(archive: Archive) -> None:
    archive.client.update_run(archive.sweep, status="RUNNING")
    archive.client.set_tag(archive.sweep, tags.HOST, "elsewhere")
    done = archive.call("prune", "--where", "attributes.status = 'FINISHED'", "--older-than", "60d", "--delete")
    assert done.out.count("stays: its sweep is RUNNING") == 2
    assert archive.names[:3] == ["a sweep", "job 1", "job 2"]


def test_a_condition_narrows_the_choice_of_named_runs(archive: Archive) -> None:
    assert archive.call("prune", "failed", "trained", "--older-than", "30d", "--delete").status == 0
    assert archive.names == ["a sweep", "job 1", "job 2", "failed"]


def test_what_is_in_use_stays(archive: Archive) -> None:
    archive.client.set_registered_model_alias("cats", "champion", "1")
    archive.run("going on", 88, {tags.PARENT: archive.sweep}, "RUNNING")
    done = archive.call("prune", "--older-than", "0d", "--delete")
    assert f"{archive.sweep[:8]}  stays: it is RUNNING" in done.out
    assert f"{archive.trained[:8]}  stays: its model is cats@champion" in done.out
    assert archive.names == ["a sweep", "job 1", "job 2", "going on", "trained"]


def test_another_version_of_a_model_stays(archive: Archive) -> None:
    archive.client.create_model_version("cats", "file:///elsewhere")
    assert archive.call("prune", "trained", "--delete").status == 0
    assert [int(one.version) for one in archive.client.search_model_versions("name = 'cats'")] == [2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "argument COMMAND: invalid choice"),
        (("chek",), "invalid choice: 'chek'"),
        (("check", "runs.csv"), "check: runs.csv: a word that begins with tracking was expected"),
        (("check", "--delete"), "check has no option --delete"),
        (("export",), "export: give one file"),
        (("export", "runs.xlsx"), "runs.xlsx: the name says the format; end it with .csv or .parquet"),
        (("export", "nowhere/runs.csv"), "cannot write nowhere/runs.csv (Cannot save"),
        (("export", "runs.csv", "--where", "status ="), "--where: Invalid clause"),
        (("prune",), "prune: say which: runs, --where or --older-than"),
        (("prune", "nobody"), "nobody: there is no such run"),
        (("prune", "--older-than", "90"), "write it as 90d"),
        (("check", "tracking=null"), "tracking=null: not a choice"),
        (("check", "tracking.dirr=x"), "tracking.dirr: no such key (did you mean tracking.dir?)"),
        (("prune", "latest", "tracking=server", "tracking.uri=http://127.0.0.1:9"), "is a server"),
    ],
)
def test_wrong_use(archive: Archive, words: tuple[str, ...], says: str) -> None:
    done = archive.call(*words)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("runner.store: ")
    assert says in line
    assert len(archive.names) == 5


def test_a_store_without_an_answer_has_no_latest(tmp_path: Path) -> None:
    client = LocalStore(tmp_path).open()
    client.set_terminated(client.create_run("0", run_name="failed").info.run_id, "FAILED")
    done = call_main("prune", "latest", "tracking.dir=.", cwd=tmp_path, program=store_main)
    assert done.status == 2
    assert (
        "latest: there is no such run: the number of commands with an answer (FINISHED runs, and sweeps) is 0"
        in done.err
    )


def test_without_a_store(tmp_path: Path) -> None:
    done = call_main("check", cwd=tmp_path, program=store_main)
    assert (done.status, os.listdir(tmp_path)) == (2, [])
    assert "there are no runs in" in done.err


def test_a_folder_that_cannot_be_looked_into(tmp_path: Path) -> None:
    done = call_main("check", f"tracking.dir={'x' * 300}", cwd=tmp_path, program=store_main)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("runner.store: tracking.dir: cannot look into /")
