"""A mistake of a user is answered in one line, with status 2, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import mlflow
import pytest
from hydra import compose, initialize_config_dir

from runner.config.schema import register
from runner.config.validation import parts
from runner.tracking.store import LocalStore
from tests.conftest import QUICK, ROOT
from tests.in_process import call_main
from tests.needs import needs_root
from tests.reading import runs
from tests.runner.small_database import small_database

WRONG = {
    "+unknown=1": "unknown: no such key; there are device, experiment, seed, sweep, tracking",
    "+device.treads=1": "device.treads: no such key",
    "+experiment.timing.targte=1": "experiment.timing.targte: no such key (did you mean target?)",
    "experiment.sizess=[1]": "experiment.sizess: no such key (did you mean experiment.sizes?)",
    "experimen=matmul": "experimen: no such key (did you mean experiment?)",
    "sizes=[1]": "sizes: no such key (did you mean experiment.sizes?)",
    "experiment.metod=textbook": "experiment.metod: no such key (did you mean experiment.timing.method?)",
    "~seed": "seed: this key is taken out of the config, but it is needed",
    "sweep.resume=0123abc": "sweep.resume=0123abc: this names a sweep, which goes on with -m; a single run takes true",
    "seed=many": "seed: 'many' is not a whole number",
    "device.onednn=maybe": "device.onednn: 'maybe' is not true or false",
    "device.intra_op_threads=0": "device.intra_op_threads: 0 is not a number from 1 to 1024",
    "experiment.timing.target=low": "experiment.timing.target: 'low' is not a number",
    "experiment.timing.max_seconds=0": "experiment.timing.max_seconds: 0 leaves no time to measure",
    "experiment.timing=3": "experiment.timing: is a group of keys, not a value",
    "experiment.timing.method=quick": "experiment.timing.method: 'quick' is not one of adaptive, textbook",
    "experiment.sizes=[]": "experiment.sizes: is empty",
    "experiment.sizes=[0]": "experiment.sizes: 0 is not a size",
    "experiment.sizes=[10,-1]": "experiment.sizes: -1 is not a size",
    "experiment.sizes=[10,ten]": "experiment.sizes[1]: 'ten' is not a whole number",
    "experiment.sizes=10": "experiment.sizes: needs a list; write experiment.sizes=[10]",
    "sweep.zip=seed": "sweep.zip: needs a list of keys whose values go together, such as sweep.zip=[seed,ANOTHER_KEY]",
    "experiment.sizes=[1,2": "cannot read 'experiment.sizes=[1,2'",
    "experiment.dtype=int8": "experiment.dtype: 'int8' is not one of float16, bfloat16, float32, float64",
    "experiment.mode=egaer": "experiment.mode: 'egaer' is not one of eager, graph, xla (did you mean eager?)",
    "experiment.shape=cube": "experiment.shape: 'cube' is not one of inner, outer, square",
    "experiment=matmull": "experiment=matmull: no such choice (did you mean matmul?)",
    "device=tpu": "device=tpu: no such choice",
    "+device=cpu": "device: chosen twice",
    "tracking=server": "tracking.uri: None is not a server's address",
    "--config-dir=/nowhere": "--config-dir: Additional config directory '/nowhere' not found",
    "experiment=null": "experiment=null: not a choice",
    "device=[1]": "device=[1]: not a choice",
    "experiment.timing=[1]": "experiment.timing: is a group of keys, not a value",
    "experiment.sizes=null": "experiment.sizes: null is not a value here",
    "experiment.sizes=[1,null]": "experiment.sizes[1]: null is not a value here",
    "experiment.sizes=[[1]]": "experiment.sizes[0]: [1] is not a single value",
    "experiment.sizes={a:1}": "experiment.sizes: needs a list, such as [1,10,100]",
    "experiment.shape=[1]": "experiment.shape: '[1]' is not a word",
    "experiment.at.x=1": "experiment.at: this experiment has no such key, only experiment=autodiff has it",
    "preset=textbook": "preset=textbook: nothing is chosen there by default; write +preset=textbook",
    "device.inter_op_threads=100000": "device.inter_op_threads: 100000 is not a number from 1 to 1024",
    "experiment.sizes=${nope}": "experiment.sizes: refers to nope, which is not there",
    "experiment.shape=inner,outer": "experiment.shape=inner,outer: several values are a grid, which needs -m",
    "seed=-1": "experiment.seed: -1 is not a seed",
    "tracking.dir=a(b": "cannot read 'tracking.dir=a(b'",
    "--cfg=banana": "argument --cfg/-c: invalid choice: 'banana'",
    "--fast": "--fast: no such flag",
    "--config-dri=x": "--config-dri=x: no such flag (did you mean --config-dir?)",
    "tracking.experiment=' '": "tracking.experiment: is blank",
    "tracking.experiment=..": "tracking.experiment: '..' cannot be the name of a folder",
    f"tracking.experiment={'x' * 256}": "tracking.experiment: 'xxxxxxxxxxxxxxxxxxxx'... is too long",
    "workload=gmm": "workload: this experiment has no such choice, only experiment=gradient_cost has it",
    "optimizer.learning_rate=0.01": "optimizer.learning_rate: no such key (did you mean experiment.optimizer.learning",
    "tracking.tgs={a:b}": "tracking.tgs: no such key (did you mean tracking.tags?)",
    "hydra.sweeper.trials=3": "hydra.sweeper.trials: no such key (did you mean hydra.sweeper.n_trials?); hydra",
    "hydra.launcher.njobs=2": "hydra.launcher.njobs: no such key (did you mean hydra.launcher.n_jobs?)",
    "hydra.launcher.partition=a": "hydra.launcher.partition: no such key; hydra/launcher=slurm has it",
    "+preset=[dtypes,threads]": "preset: dtypes and threads are grids, which cannot be joined with another preset",
    "+preset=textbook,threads": "+preset=textbook,threads: several values are a grid, which needs -m",
    "+workload=gmm": "workload: this experiment has no such choice, only experiment=gradient_cost has it",
}


def complaint(finished) -> str:
    """The one line, after checking that there is nothing else."""
    assert finished.status == 2, finished
    assert finished.out == ""
    assert "Traceback" not in finished.err
    (line,) = finished.err.splitlines()
    assert line.startswith("runner: ")
    return line.removeprefix("runner: ")


@pytest.mark.parametrize("argument", WRONG)
def test_wrong_config(main, tmp_path, argument):
    assert complaint(main(argument)).startswith(WRONG[argument])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "argument", ["+unknown=1", "experiment.sizes=[1,2", "experiment=matmull", "--fast", "--config-dir=/nowhere"]
)
def test_wrong_config_in_a_process_of_its_own(runner, tmp_path, argument):
    """A process also shows the interpreter's own output and the status that it ends with."""
    assert complaint(runner(argument)).startswith(WRONG[argument])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["workload=gmmm"], "workload=gmmm: no such choice (did you mean gmm?); there are gmm, kmeans, "),
        (["workload=kmeans", "experiment.workload.d=0"], "experiment.workload.d: 0 is not a number of at least 1"),
        (["workload=kmeans", "experiment.workload.batch=3"], "experiment.workload.batch: no such key"),
        (["experiment.workload.dd=2"], "experiment.workload.dd: no such key (did you mean experiment.workload.d?)"),
        (
            ["experiment.sizes=[1]"],
            "experiment.sizes: this experiment has no such key (did you mean experiment.workload.sizes?), ",
        ),
        (["+experiment.workload.z=1"], "experiment.workload.z: no such key; there are d, k, sizes"),
        (["experiment.workload=mlp"], "experiment.workload: is a group of keys, not a value"),
        (["workload=mlp", "experiment.workload.batch=few"], "experiment.workload.batch: 'few' is not a whole number"),
        (["~workload"], "workload: nothing is chosen; there are gmm, kmeans, "),
    ],
)
def test_a_wrong_choice_within_an_experiment(main, tmp_path, arguments, says):
    assert complaint(main("experiment=gradient_cost", *arguments)).startswith(says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("choice", "content", "package"),
    [
        ("preset/mine", "experiment:\n  sizes: [1]\n", "_global_"),
        ("preset/mine", "defaults:\n  - override /experiment: training\n", "_global_"),
        ("dataset/mine", "path: mine.npz\n", "experiment.dataset"),
    ],
)
def test_a_choice_in_the_wrong_package(main, tmp_path, choice, content, package):
    file = tmp_path / "mine" / f"{choice}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    sign = "+" if choice.startswith("preset") else ""
    done = main("--config-dir=mine", "experiment=training", f"{sign}{choice.replace('/', '=')}")
    assert complaint(done) == (
        f"{choice}.yaml: its keys are in the wrong place; begin the file with the line '# @package {package}'"
    )


def test_the_experiment_that_is_chosen_is_looked_at_first(main):
    assert "(did you mean experiment.optimizer.learning_rate?)" in complaint(
        main("experiment=training", "learning_rate=1")
    )


def test_a_choice_without_a_type(main, tmp_path):
    folder = tmp_path / "mine" / "workload"
    folder.mkdir(parents=True)
    (folder / "untyped.yaml").write_text("# @package experiment.workload\nsizes: [1]\n")
    done = main(f"--config-dir={folder.parent}", "experiment=gradient_cost", "workload=untyped")
    assert complaint(done).startswith("experiment.workload: this config has no type")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["device=gpu"], "sees no GPU here, only CPU:0"),
        (["device=cpu", "device.index=2"], "sees only CPU:0"),
    ],
)
def test_a_device_that_is_not_there(runner, store, arguments, says):
    assert says in complaint(runner(*arguments))
    assert runs(store) == []


@pytest.mark.parametrize("folder", ["/proc/store", "/dev/null", "/dev/null/store"])
def test_a_folder_that_cannot_be(tmp_path, folder):
    line = complaint(call_main(f"tracking.dir={folder}", cwd=tmp_path))
    assert line.startswith(f"tracking.dir: cannot make {folder}")


@pytest.mark.parametrize(
    "words",
    [["plan=true"], ["replay=latest"], ["-m", "hydra/sweeper=optuna", "sweep.metric=x", "seed=1,2", "plan=true"]],
)
def test_a_folder_that_cannot_be_looked_into(main, words):
    """A name that is too long fails for everybody, as the folders of others do for all but root."""
    assert complaint(main(*words, f"tracking.dir={'x' * 300}")).startswith("tracking.dir: cannot look into /")


@pytest.mark.parametrize(
    "words", [[f"+preset={'x' * 300}"], ["-m", f"+preset={'x' * 300}"], [f"--config-dir={'x' * 300}"]]
)
def test_a_choice_whose_name_is_too_long(main, words):
    complaint(main(*words))


def test_a_file_of_choices_that_may_not_be_read(main):
    refusal = PermissionError(errno.EACCES, "Permission denied", "/mine/model/deep.yaml")
    with mock.patch("runner.cli.command_line.call_hydra", side_effect=refusal):
        assert complaint(main("--config-dir=/tmp")).startswith("/mine/model/deep.yaml: Permission denied; ")


@needs_root
def test_a_folder_that_is_not_writable(main, store, small_disk):
    with small_disk(store, megabytes=64, mode="ro"):
        assert "is not writable; choose another folder" in complaint(main())


def _garbage(path):
    path.write_bytes(b"this is no database " * 1000)


def _another_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cats (name TEXT)")
    connection.close()


def _of_optuna(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE studies (study_name TEXT)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('v3.2.0.a')")
    connection.close()


def _of_a_newer_mlflow(path):
    small_database(path, revision="ffffffffffff")


def _abandoned(path):
    path.touch()
    os.utime(path, (0, 0))


def _truncated(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE filling (text TEXT)")
        connection.executemany("INSERT INTO filling VALUES (?)", [("x" * 1000,)] * 100)
    connection.close()
    os.truncate(path, path.stat().st_size // 2)


@pytest.fixture
def used(store):
    """The database of a store that has a run."""
    local = LocalStore(store)
    local.check()
    client = local.open()
    experiment = client.create_experiment("matmul", artifact_location=local.artifact_location("matmul"))
    client.set_terminated(client.create_run(experiment).info.run_id)
    return store / "mlflow.db"


def test_what_a_kill_in_mid_commit_leaves_is_rolled_back(runner, used, store):
    """SQLite has a hot journal then; the database is as good as before."""
    killed_in_mid_transaction = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN")
connection.executemany("INSERT INTO alembic_version VALUES (?)", [(f"{number:032}",) for number in range(20000)])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed_in_mid_transaction, used])
    assert (store / "mlflow.db-journal").stat().st_size > 0
    done = runner("experiment.sizes=[1]", *QUICK)
    assert done.status == 0, done.err
    assert len(runs(store)) == 2


def test_a_database_in_use_is_called_that(main, used):
    connection = sqlite3.connect(used, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        assert "is locked by another program" in complaint(main())
    finally:
        connection.close()


def test_a_damaged_table_that_only_shows_in_use(runner, used):
    """Beyond the quick check's size MLflow is the first to notice."""
    with sqlite3.connect(used) as connection:
        connection.execute("CREATE TABLE filling (text TEXT)")
        connection.executemany("INSERT INTO filling VALUES (?)", [("x" * 4000,)] * 6000)
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with used.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert "malformed" in complaint(runner())


def test_a_grid_into_a_folder_that_cannot_be(tmp_path):
    done = call_main("-m", "tracking.dir=/proc/nope", "seed=1,2", cwd=tmp_path)
    assert complaint(done).startswith("tracking.dir: cannot make /proc/nope (No such file or directory)")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hydra.launcher.n_jobs=0"], "hydra.launcher.n_jobs: 0 is not a number of at least 1"),
        (["hydra.launcher.n_jobs=many"], "hydra.launcher.n_jobs: 'many' is not a whole number"),
        (["hydra.launcher.jobs=2"], "hydra.launcher.jobs: no such key"),
        (
            ["+hydra.sweeper.trials=3", "seed=1,2"],
            "hydra.sweeper.trials: no such key (did you mean hydra.sweeper.n_tri",
        ),
        (["hydra/launcher=cloud"], "hydra/launcher=cloud: no such choice"),
        (["sweep.direction=up"], "sweep.direction: 'up' is not one of minimize, maximize"),
        (["experiment.dtype=float32,int8"], "job 1 (experiment.dtype=int8): experiment.dtype: 'int8' is not one of"),
        (["experiment.sizess=1,2"], "experiment.sizess: no such key (did you mean experiment.sizes?)"),
        (["hydra/sweeper=optuna", "seed=1,2"], "sweep.metric: name the metric"),
        (["seed=range(5,5)"], "this sweep has no jobs"),
        (["experiment=gradient_cost", "workload=gmm,kmean"], "workload=kmean: no such choice (did you mean kmeans?)"),
        (["experiment=gradient_cost,matmul", "workload=gmm"], "workload: this experiment has no such choice"),
        (["tracking.dir=store,elsewhere"], "tracking.dir: cannot vary from job to job within a sweep"),
    ],
)
def test_a_wrong_sweep_starts_no_job(main, store, arguments, says):
    assert complaint(main("-m", *arguments)).startswith(says)
    assert not (store / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_garbage, "is not a usable MLflow database (file is not a database)"),
        (_another_database, "is not a usable MLflow database (it has other tables than MLflow's)"),
        (_truncated, "is not a usable MLflow database (database disk image is malformed)"),
        (_abandoned, "is not a usable MLflow database (it has no schema: "),
        (_of_optuna, "is a database of Optuna, which cannot share it with MLflow; choose another folder"),
        (_of_a_newer_mlflow, f"was made by a newer MLflow than {mlflow.__version__}, which is installed here"),
    ],
)
def test_a_database_that_cannot_be_used(main, store, spoil, says):
    store.mkdir()
    spoil(store / "mlflow.db")
    before = (store / "mlflow.db").read_bytes()
    assert says in complaint(main())
    assert (store / "mlflow.db").read_bytes() == before
    assert [path.name for path in store.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize("storage", ["{store}/mlflow.db", "{tmp_path}/x/../store/mlflow.db", "{tmp_path}/other.db"])
def test_a_study_in_the_database_of_runs(main, store, tmp_path, storage):
    (tmp_path / "x").mkdir()
    small_database(tmp_path / "other.db")
    before = (tmp_path / "other.db").read_bytes()
    storage = f"hydra.sweeper.storage=sqlite:///{storage.format(store=store, tmp_path=tmp_path)}"
    line = complaint(main("-m", "hydra/sweeper=optuna", "sweep.metric=time/median_us", "seed=1,2", storage))
    assert line.startswith("hydra.sweeper.storage: ")
    assert "MLflow" in line
    assert (tmp_path / "other.db").read_bytes() == before
    assert not (store / "mlflow.db").exists()


def test_a_server_that_is_not_there(main):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        line = complaint(main("tracking=server", f"tracking.uri=http://127.0.0.1:{port}"))
    assert line.startswith(f"tracking.uri: no answer from http://127.0.0.1:{port}")


@pytest.mark.slow
def test_a_server_that_never_answers(main):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = complaint(main("tracking=server", f"tracking.uri=http://127.0.0.1:{silent.getsockname()[1]}"))
    assert "no answer" in line


def test_a_server_with_an_impossible_address(main):
    assert "no answer" in complaint(main("tracking=server", "tracking.uri=http://127.0.0.1:port"))


def test_a_server_of_another_protocol(main):
    with socket.create_server(("127.0.0.1", 0)) as ssh:

        def greet():
            connection, _ = ssh.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        threading.Thread(target=greet, daemon=True).start()
        line = complaint(main("tracking=server", f"tracking.uri=http://127.0.0.1:{ssh.getsockname()[1]}"))
    assert "no answer" in line


def test_a_server_that_is_something_else(main):
    class Cats(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>cats</html>")

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Cats)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        line = complaint(main("tracking=server", f"tracking.uri=http://127.0.0.1:{server.server_port}"))
    finally:
        server.shutdown()
    assert "not as an MLflow server does" in line


def test_a_config_without_a_type(main, tmp_path):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "untyped.yaml").write_text("sizes: [1]\n")
    assert "this config has no type" in complaint(main(f"--config-dir={folder.parent}", "experiment=untyped"))


def test_a_broken_yaml_file(main, tmp_path):
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("sizes: [1\nmode: :\n")
    line = complaint(main(f"--config-dir={folder.parent}", "experiment=broken"))
    assert "broken.yaml" in line


BEFORE = {
    "preset": ["+"],
    "workload": ["experiment=gradient_cost", ""],
    **{group: ["experiment=training", ""] for group in ("callback", "dataset", "loss", "model", "optimizer")},
}
"""Group -> the overrides without which the config does not have it; the last one is a prefix of the group's own."""

OF_FILES = ("csv", "images", "keras_file", "npz")
"""Choices that need a path."""


def test_every_choice_of_conf_makes_an_experiment():
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        for path in sorted((ROOT / "conf").glob("*/*.yaml")):
            *first, sign = BEFORE.get(path.parent.name, [""])
            own = [f"experiment.{path.parent.name}.path=mine"] if path.stem in OF_FILES else []
            own += ["experiment.dataset.target=mine"] if path.stem == "csv" else []
            uri = ["tracking.uri=http://127.0.0.1:1"] if path.stem == "server" else []
            assert parts(compose("config", [*first, f"{sign}{path.parent.name}={path.stem}", *own, *uri])).experiment


def test_help_teaches(main):
    finished = main("--help")
    assert finished.status == 0
    assert "\n  python -m runner experiment=matmul device=cpu\n" in finished.out
    assert "\n  python -m runner -m " in finished.out
    assert "sweep.resume=true" in finished.out
    for path in (ROOT / "conf").glob("*/*.yaml"):
        assert f"{path.parent.name}={path.stem} " in finished.out
    assert "schema" not in finished.out


@needs_root
def test_a_full_disk(main, store, small_disk):
    with small_disk(store, megabytes=8):
        assert "is full (" in complaint(main())
        assert list(store.iterdir()) == []
