"""Stores are found to be what they are, wherever they stand and whoever makes them."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import mlflow
import pytest

from runner.addresses import PASSWORD, TOKEN, USER
from runner.errors import StoreError
from runner.tracking import database, making, tags
from runner.tracking.needs import Needs
from runner.tracking.orphans import owner_tags
from runner.tracking.run import TrackedRun, experiment_id
from runner.tracking.served import FILE, announced
from runner.tracking.store import LocalStore, ServerStore
from tests.runner.small_database import NEWEST, small_database

RUNS = Needs(frozenset(["matmul"]))
MODELS = Needs(frozenset(["training"]), models=True)
VERSIONS = Needs(frozenset(["training"]), models=True, versions=True)


def _store(folder: Path, *locations: tuple[str, str]) -> LocalStore:
    """A store as far as its checks look, with these MLflow experiments: (name, artifact location)."""
    store = LocalStore(folder)
    folder.mkdir()
    small_database(store.database, experiments=locations or [("matmul", store.artifact_location("matmul"))])
    return store


def _refusal(store: LocalStore | ServerStore, needs: Needs = RUNS) -> str:
    with pytest.raises(StoreError) as refused:
        store.check(needs)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", ["here", "two  words", "l'été 50%"])
def test_a_moved_store_goes_back_by_the_command_that_it_names(tmp_path: Path, name: str) -> None:
    old, new = tmp_path / name, tmp_path / "elsewhere"
    _store(old)
    old.rename(new)
    said = _refusal(LocalStore(new))
    assert f"{new} was made as {old} and looks for its artifacts there" in said
    subprocess.run(said.partition("move it back (")[2].removesuffix(")"), shell=True, check=True)
    LocalStore(old).check(RUNS)


def test_a_copied_store_names_the_original(tmp_path: Path) -> None:
    _store(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "copy")
    assert f"use the original (tracking.dir={tmp_path}/here)" in _refusal(LocalStore(tmp_path / "copy"))


def test_a_move_that_cannot_be_undone_is_not_advised(tmp_path: Path) -> None:
    _store(tmp_path / "here").folder.rename(tmp_path / "there")
    (tmp_path / "here").mkdir()  # mv would move the store into it
    assert _refusal(LocalStore(tmp_path / "there")).endswith(", or begin a new one (tracking.dir=ANOTHER)")


def test_a_moved_store_starts_nothing(main, store: Path, tmp_path: Path) -> None:
    _store(tmp_path / "old").folder.rename(store)
    finished = main()
    assert (finished.status, finished.out) == (2, "")
    assert "move it back (mv " in finished.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_links_and_chosen_places_are_no_moves(tmp_path: Path) -> None:
    store = _store(tmp_path / "here")
    (tmp_path / "link").symlink_to(store.folder)
    LocalStore(tmp_path / "link").check(RUNS)
    _store(tmp_path / "chosen", ("matmul", "file:///data/matmul"), ("x", "s3://bucket/x")).check(RUNS)


def test_an_experiment_whose_artifacts_only_a_server_can_write(tmp_path: Path) -> None:
    store = _store(tmp_path / "here", ("matmul", "mlflow-artifacts:/1"))
    assert "tracking.experiment: the MLflow experiment 'matmul' was made by an MLflow server" in _refusal(store)
    store.check(Needs(frozenset(["another"])))


def test_any_path_works_and_default_is_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working_folder = tmp_path / "100%" / "a%2Fb" / "#x?y z" / "ü"
    working_folder.mkdir(parents=True)
    monkeypatch.chdir(working_folder)
    store = LocalStore(Path("st%20re").absolute())
    store.check(RUNS)
    client = store.open()
    for name in ("Default", "50% #?"):
        run = TrackedRun.create(store, client, experiment_id(store, client, name), "run", {})
        run.json({"a b/c%d.json": 1})
        assert run.read_json("a b/c%d.json") == 1
        (_,) = store.folder.glob(f"artifacts/*/{run.id}/artifacts/a b/c%d.json")
    store.check(Needs(frozenset(["Default"])))

    # Stores of earlier versions have it in what then was the working folder.
    (default,) = (kept for kept in database.experiments(store.database) if kept.id == 0)
    database.relocate(store.database, default, str(working_folder / "mlruns" / "0"))
    assert store.open().get_experiment("0").artifact_location == default.location
    assert [path.name for path in working_folder.iterdir()] == ["st%20re"]


OLD = "cc1f77228345"
"""The schema of MLflow 2.0."""


def _of_mlflow_2(database: Path) -> None:
    """Make a database of MLflow 2.0 with MLflow's own migrations."""
    import sqlalchemy
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(f"sqlite:///{database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLD)
        connection.execute(sqlalchemy.text("INSERT INTO experiments VALUES (7, 'cats', 'file:///data/cats', 'active')"))
    engine.dispose()


def test_an_old_store_is_migrated_with_a_backup_and_a_word(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    _of_mlflow_2(store.database)
    before = store.database.read_bytes()
    store.check(RUNS)
    assert store.database.read_bytes() == before
    said: list[str] = []
    assert store.open(said.append).get_experiment_by_name("cats").experiment_id == "7"
    (backup,) = tmp_path.glob("mlflow.db.*")
    (word,) = said
    assert f"has been migrated to MLflow {mlflow.__version__}. The one before is kept as {backup}" in word
    with database.connected(backup) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(OLD,)]
    store.open(said.append)
    assert len(said) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mlflow.db.lock", "mlflow.db", backup.name]


def test_nothing_is_migrated_under_a_run_that_goes_on(tmp_path: Path) -> None:
    """SQLite refuses to write to a file in whose place another one stands."""
    store = LocalStore(tmp_path)
    _of_mlflow_2(store.database)
    with closing(sqlite3.connect(store.database)) as connection, connection:
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage) "
            "VALUES ('3f2a917c0', 7, 'RUNNING', 'active')"
        )
        for tag in owner_tags().items():
            connection.execute("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, '3f2a917c0')", tag)
    with pytest.raises(StoreError, match="the run 3f2a917c still writes to it; wait for its end"):
        store.open()
    with closing(sqlite3.connect(store.database)) as connection, connection:
        connection.execute("UPDATE tags SET value = '1 1' WHERE key = ?", (tags.PROCESS,))
    store.open()


def test_what_cannot_be_migrated_stays_as_it_is(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    small_database(store.database, revision=OLD)  # without the tables that go with it
    before = store.database.read_bytes()
    with pytest.raises(StoreError, match=r"was made by an older MLflow, and cannot be migrated .*; it is as it was"):
        making.migrate(store.database, print)
    assert store.database.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mlflow.db.lock", "mlflow.db"]


def test_what_a_write_ahead_log_keeps_is_not_cut_off(tmp_path: Path) -> None:
    store = _store(tmp_path / "store")
    with closing(sqlite3.connect(store.database)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE runs AS SELECT zeroblob(1000000) AS new")
        connection.commit()
        assert store.database.stat().st_size < 1_000_000
        store.check(RUNS)


def test_a_database_that_another_program_is_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.touch()

    def make() -> None:
        for step in (["CREATE TABLE experiments (experiment_id, name, artifact_location)"], _version("451aebb31d03")):
            time.sleep(0.3)
            with closing(sqlite3.connect(path)) as connection, connection:
                for statement in step:
                    connection.execute(statement)
        time.sleep(0.3)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (NEWEST,))

    maker = threading.Thread(target=make)
    maker.start()
    assert database.schema_of(path) == NEWEST
    maker.join()


def _version(revision: str) -> list[str]:
    return [
        "CREATE TABLE alembic_version (version_num)",
        f"INSERT INTO alembic_version VALUES ('{revision}')",
    ]


def test_what_another_program_has_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    theirs = tmp_path / "mlflow.db"

    def both_make_one(address: str) -> Any:
        (tmp_path / ".mlflow.db.new").touch()
        theirs.write_text("theirs")
        return mock.DEFAULT

    with mock.patch("mlflow.MlflowClient", side_effect=both_make_one):
        making.make(theirs)
    assert theirs.read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mlflow.db.lock", "mlflow.db"]


class Server:
    """What the checks ask of an MLflow server. ``lacks`` is the status for addresses with such a part."""

    def __init__(self) -> None:
        self.lacks: dict[str, int] = {}
        self.accepts: list[str] = []
        """The headers that are let in; empty for all."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status = next((status for part, status in outer.lacks.items() if part in self.path), 200)
                if outer.accepts and self.headers.get("Authorization") not in outer.accepts:
                    status = 401
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps({} if status == 200 else {"message": "no such thing"}).encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def store(self, user: str = "") -> ServerStore:
        return ServerStore(f"http://{user}{self.host}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.mlflow/credentials, no ~/.netrc
    for name in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


@pytest.mark.parametrize(
    ("lacks", "needs", "says"),
    [
        ({}, VERSIONS, ""),
        ({"logged-models": 404}, VERSIONS, "has no logged models, which came with MLflow 3; upgrade the server"),
        ({"logged-models": 404}, RUNS, ""),
        ({"registered-models": 503}, VERSIONS, "the model registry of http://HOST does not answer (HTTP 503: no such"),
        ({"registered-models": 503}, MODELS, ""),
        ({"experiments": 503}, RUNS, "http://HOST answers, but not as an MLflow server does (HTTP 503: no such thing)"),
    ],
)
def test_a_server_is_asked_for_what_is_needed(server: Server, lacks: dict[str, int], needs: Needs, says: str) -> None:
    server.lacks = lacks
    if says:
        assert says.replace("HOST", server.host) in _refusal(server.store(), needs)
    else:
        server.store().check(needs)


@pytest.mark.parametrize(
    ("registers", "says"), [("auto", "the model registry of"), ("null", "has no logged models"), ("cats", "registry")]
)
def test_a_training_that_the_server_cannot_keep_does_not_begin(main, server: Server, registers: str, says: str) -> None:
    server.lacks = {"registered-models": 500} if says != "has no logged models" else {"logged-models": 404}
    words = ["experiment=training", f"experiment.registered_name={registers}", "device=gpu"]
    finished = main(*words, "tracking=server", f"tracking.uri=http://{server.host}")
    assert finished.status == 2
    assert says in finished.err
    (_,) = finished.err.splitlines()


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


@pytest.mark.parametrize(
    ("user", "variables", "says"),
    [
        ("me:secret@", {}, ""),
        ("me:secret@", {USER: "another", PASSWORD: "one"}, ""),
        ("", {USER: "me", PASSWORD: "secret"}, ""),
        ("", {TOKEN: "token"}, ""),
        ("", {}, f"wants credentials (HTTP 401); set {USER} and {PASSWORD}, or {TOKEN}"),
        ("", {USER: "me"}, f"wants credentials (HTTP 401); set {USER} and {PASSWORD}, or {TOKEN}"),
        ("", {USER: "me", PASSWORD: "secreT"}, f"turns down those in {USER} and {PASSWORD}: correct them"),
        ("", {TOKEN: "secreT"}, f"turns down those in {TOKEN}: correct them"),
        ("me:secreT@", {}, "turns down those in tracking.uri: correct them"),
    ],
)
def test_credentials(
    server: Server, monkeypatch: pytest.MonkeyPatch, user: str, variables: dict[str, str], says: str
) -> None:
    server.accepts = [basic("me:secret"), "Bearer token"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if says:
        said = _refusal(server.store(user))
        assert says in said
        assert "secreT" not in said
    else:
        server.store(user).check(VERSIONS)


def test_credentials_in_mlflows_file(server: Server, tmp_path: Path) -> None:
    server.accepts = [basic("me:100%")]
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(f"[mlflow]\n{USER.lower()} = me\n{PASSWORD.lower()} = 100%\n")
    server.store().check(RUNS)


@pytest.mark.parametrize("content", [b"user = me:secret", b"[mlflow]\npassword = \xff"])
def test_a_file_of_credentials_that_is_none(server: Server, tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_bytes(content)
    said = _refusal(server.store())
    assert said.startswith("~/.mlflow/credentials: MLflow cannot read it; write the lines [mlflow], ")
    assert "secret" not in said


def test_nobody_sees_the_password(server: Server) -> None:
    server.accepts = [basic("me:secret")]
    store = server.store("me:secret@")
    store.check(RUNS)
    assert [store.uri, store.ui] == [f"http://{server.host}"] * 2
    assert store.link("1", "2").startswith(f"http://{server.host}/#/")


@pytest.mark.parametrize(
    "address",
    ["ftp://me:secret@host", "http://me:se/cret@host", "http://me:secret@host:port", "http://me:secret@127.0.0.1:9"],
)
def test_no_error_shows_the_password(main, address: str) -> None:
    finished = main("tracking=server", f"tracking.uri={address}")
    assert finished.status == 2
    assert "tracking.uri: " in finished.err
    assert "secret" not in finished.err
    assert "me:se" not in finished.err


def test_a_link_leads_to_the_server_of_the_store_as_long_as_it_runs(tmp_path):
    with announced(tmp_path, 5012):
        assert LocalStore(tmp_path).link("1", "a").startswith("http://127.0.0.1:5012/#/experiments/1/runs/a")
        assert (LocalStore(tmp_path).ui_hint, LocalStore(tmp_path / "other").ui) == ("", "http://127.0.0.1:5000")
        left = json.loads((tmp_path / FILE).read_text())
    for gone in ({"process": "1 1 another-boot"}, {"host": "another"}, {"process": "?"}):
        (tmp_path / FILE).write_text(json.dumps(left | gone))
        assert LocalStore(tmp_path).ui == "http://127.0.0.1:5000"
        assert LocalStore(tmp_path).ui_hint.startswith("python -m runner.ui")
