"""The names that docs/borrowed.md lists: a test for each, whose failure names what another library has moved."""

from __future__ import annotations

import ast
import inspect
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from omegaconf import OmegaConf

from runner.tracking import database, moving, revisions, tags
from runner.tracking.store import LocalStore
from tests.conftest import ROOT

TABLE = (ROOT / "docs" / "borrowed.md").read_text()

BORROWED = dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", TABLE, re.MULTILINE))
"""Name -> the one file that uses it."""


@contextmanager
def contract(name: str) -> Iterator[None]:
    """Whatever goes wrong within it is told with the name of what has moved."""
    assert name in BORROWED, f"{name} is not in docs/borrowed.md"
    try:
        yield
    except Exception as error:
        pytest.fail(f"{name} is not what {BORROWED[name]} relies on: {type(error).__name__}: {error}")


def test_hydra_still_has_its_parser_of_flags() -> None:
    with contract("hydra._internal.utils.get_args_parser"):
        from hydra._internal.utils import get_args_parser

        known, unknown = get_args_parser().parse_known_intermixed_args(["-m", "a=1", "--cfg", "job", "b=2", "--fast"])
        assert (known.overrides, known.multirun, known.cfg, known.info) == (["a=1", "b=2"], True, "job", None)
        assert not known.help
        assert not known.hydra_help
        assert not known.config_dir
        assert unknown == ["--fast"]


def test_hydra_still_runs_what_it_is_given() -> None:
    with contract("hydra._internal.utils._run_hydra"):
        from hydra._internal.utils import _run_hydra

        names = list(inspect.signature(_run_hydra).parameters)
        assert names[:5] == ["args", "args_parser", "task_function", "config_path", "config_name"]


def test_hydra_sets_values_as_before() -> None:
    with contract("hydra._internal.config_loader_impl.ConfigLoaderImpl._apply_overrides_to_config"):
        from hydra._internal.config_loader_impl import ConfigLoaderImpl
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.errors import ConfigCompositionException

        config = OmegaConf.create({"seed": 0, "device": {"kind": "cpu", "onednn": None}})
        OmegaConf.set_struct(config, True)
        parsed = OverridesParser.create().parse_overrides(["seed=3", "device.kind='a,b'", "device.onednn=false"])
        ConfigLoaderImpl._apply_overrides_to_config(parsed, config)
        assert config == {"seed": 3, "device": {"kind": "a,b", "onednn": False}}
        with pytest.raises(ConfigCompositionException, match="Could not override 'sede'"):
            ConfigLoaderImpl._apply_overrides_to_config(OverridesParser.create().parse_overrides(["sede=3"]), config)


def test_hydra_still_multiplies_a_grid() -> None:
    with contract("hydra._internal.core_plugins.basic_sweeper.BasicSweeper"):
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.override_parser.overrides_parser import OverridesParser

        sweeper = BasicSweeper(max_batch_size=None, params={"a": "1,2"})
        assert (sweeper.params, sweeper.launcher, sweeper.hydra_context) == ({"a": "1,2"}, None, None)
        parsed = OverridesParser.create().parse_overrides(["a=1,2", "b=x", "c=range(0,2)"])
        (jobs,) = sweeper.split_arguments(parsed, max_batch_size=None)
        assert jobs == [[f"a={a}", "b=x", f"c={c}"] for a in (1, 2) for c in (0, 1)]


def test_hydra_keeps_the_reason_of_a_failed_job() -> None:
    with contract("hydra.core.utils.JobReturn._return_value"):
        from hydra.core.utils import JobReturn, JobStatus

        done, reason = JobReturn(status=JobStatus.FAILED), KeyError("no such metric")
        done.return_value = reason
        assert done._return_value is reason


def test_keras_still_finds_its_folder_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with contract("keras.src.backend.config._KERAS_DIR"):
        from keras.src.backend import config

        monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
        assert config.keras_home() == str(tmp_path)


@pytest.mark.usefixtures("on_device")
def test_keras_still_knows_what_gives_an_output() -> None:
    with contract("keras.KerasTensor._keras_history"):
        import keras

        raw = keras.Input((2,))
        outputs = keras.ops.softmax(keras.layers.Dense(2)(raw))
        operation, index, _ = outputs._keras_history
        assert type(operation).__name__ == "Softmax"

    with contract("keras.Operation._inbound_nodes"):
        (taken,) = operation._inbound_nodes[index].input_tensors
        within = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        operation, index, _ = within(taken)._keras_history
        assert operation is within
        assert operation._inbound_nodes[index].input_tensors == [taken]
        assert raw._keras_history.operation._inbound_nodes[0].input_tensors == []


def test_mlflow_still_opens_artifacts_by_their_address(tmp_path: Path) -> None:
    with contract("mlflow.store.artifact.artifact_repository_registry.get_artifact_repository"):
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        (tmp_path / "here").mkdir()
        (tmp_path / "here" / "results.csv").write_text("n\n1\n")
        files = get_artifact_repository((tmp_path / "kept").as_uri(), "sqlite:////nowhere/mlflow.db")
        files.log_artifacts(str(tmp_path / "here"))
        assert Path(files.download_artifacts("results.csv")) == tmp_path / "kept" / "results.csv"
        files.delete_artifacts()
        assert not (tmp_path / "kept").exists()


def test_mlflow_still_numbers_the_schema_of_its_database(tmp_path: Path) -> None:
    with contract("alembic_version"):
        store = LocalStore(tmp_path)
        store.open()
        store.check()
        with closing(sqlite3.connect(store.database)) as connection:
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert database.schema_of(store.database) == version


def test_mlflow_still_keeps_its_migrations_in_such_files(tmp_path: Path) -> None:
    with contract("db_migrations"):
        from mlflow.store.db.utils import _get_latest_schema_revision

        assert [revision for revision in revisions.known() if revisions.is_newest(revision)] == [
            _get_latest_schema_revision()
        ]
        assert "451aebb31d03" in revisions.known()  # the first one


def test_mlflow_still_keeps_the_locations_of_artifacts_in_its_database(tmp_path: Path) -> None:
    with contract("FROM experiments"):
        store = LocalStore(tmp_path)
        client = store.open()
        (default,) = database.experiments(store.database)
        assert (default.id, default.name) == (0, "Default")
        database.relocate(store.database, default, "file:///elsewhere")
        assert client.get_run(client.create_run("0").info.run_id).info.artifact_uri.startswith("file:///elsewhere/")


def test_mlflow_still_names_a_models_versions_so() -> None:
    with contract("mlflow.modelVersions"):
        from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

        assert MLFLOW_MODEL_VERSIONS == tags.MODEL_VERSIONS


def test_ray_still_prints_what_workers_print_by_this_function() -> None:
    pytest.importorskip("ray")
    with contract("ray._private.worker.print_to_stdstream"):
        from ray._private import worker

        source = Path(worker.__file__).read_text()
        assert callable(worker.print_to_stdstream)
        assert len(re.findall(r"\bprint_to_stdstream\b", source)) >= 2, "nothing in its module uses it any more"


@pytest.mark.usefixtures("on_device")
def test_dropout_still_draws_by_this_function() -> None:
    with contract("tensorflow.python.ops.stateless_random_ops.stateless_random_uniform"):
        from experiments.runtime.tensorflow_import import import_tensorflow
        from experiments.training.execution import xla_random

        tf = import_tensorflow()
        with mock.patch.object(xla_random, "_uniform", wraps=xla_random._uniform) as uniform:
            with xla_random.as_kernels_draw():
                dropped = tf.nn.experimental.stateless_dropout(tf.ones([1000]), 0.5, seed=[1, 2])
            uniform.assert_called_once()
        expected = tf.nn.experimental.stateless_dropout(tf.ones([1000]), 0.5, seed=[1, 2])
        assert bool(tf.reduce_all(dropped == expected)), "other neurons are dropped than by TensorFlow's kernels"


def test_mlflow_keeps_addresses_in_these_columns_and_deletes_runs_so(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    client = store.open()
    with contract("trace_tags"), database.connected(store.database) as connection:
        for table, columns in moving.ADDRESSES.items():
            connection.execute(f"SELECT {', '.join(columns)} FROM {table}")
    run, other = (client.create_run("0").info.run_id for _ in range(2))
    for one in (run, other):
        client.log_param(one, "x", 1)
        client.log_metric(one, "y", 1)
    model = client.create_logged_model("0", source_run_id=run).model_id
    with contract("mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore"):
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        kept = SqlAlchemyStore(store.uri, store.artifact_root)
        with kept.ManagedSessionMaker(read_only=False) as session:
            kept.ManagedSessionMaker = lambda read_only=True: nullcontext(session)
            with contract("SqlAlchemyStore._hard_delete_logged_model"):
                kept._hard_delete_logged_model(model)
            kept._hard_delete_run(run)
            with contract("mlflow.store.tracking.sqlalchemy_store._RUN_DELETE_CASCADE_MODELS"):
                from mlflow.store.tracking.sqlalchemy_store import _RUN_DELETE_CASCADE_MODELS

                assert "_RUN_DELETE_CASCADE_MODELS" in inspect.getsource(SqlAlchemyStore._hard_delete_run)
                for table in _RUN_DELETE_CASCADE_MODELS:
                    session.query(table).filter(table.run_uuid.in_([other])).delete(synchronize_session=False)
            with contract("mlflow.store.tracking.dbmodels.models.SqlRun"):
                from mlflow.store.tracking.dbmodels.models import SqlRun

                session.query(SqlRun).filter(SqlRun.run_uuid.in_([other])).delete(synchronize_session=False)
    with database.connected(store.database) as connection:
        for name in ("runs", "tags", "params", "metrics", "latest_metrics", "logged_models"):
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_tensorflow_still_copies_when_told_to() -> None:
    with contract("tf.Tensor._copy_nograd"):
        from experiments.runtime.tensorflow_import import import_tensorflow

        tensor = import_tensorflow().constant([1.0, 2.0])
        copied = tensor._copy_nograd(None, "CPU:0")
        assert copied is not tensor
        assert copied.numpy().tolist() == [1.0, 2.0]


def test_mlflow_still_leaves_inputs_of_type_hints_alone() -> None:
    with contract("mlflow.models.signature.ModelSignature._is_signature_from_type_hint"):
        import numpy as np
        from mlflow.models import Model, infer_signature

        signature = infer_signature(np.ones((1, 2), np.float32))
        assert signature._is_signature_from_type_hint is False
        signature._is_signature_from_type_hint = True
        assert Model.from_dict(Model(signature=signature).to_dict())._is_signature_from_type_hint()


# The table


@pytest.mark.parametrize("name", BORROWED)
def test_a_borrowed_name_has_one_use_in_one_place(name: str) -> None:
    """And a contract test: the name stands in this file a second time beside the table."""
    assert f'contract("{name}")' in Path(__file__).read_text(), f"{name} has no contract test"
    last = name if name == tags.MODEL_VERSIONS else name.rpartition(".")[2]
    using = [str(path.relative_to(ROOT)) for path in _sources() if re.search(rf"\b{re.escape(last)}\b", _code(path))]
    assert using == [BORROWED[name]], f"{name} is used in {using}"


def test_nothing_else_is_borrowed() -> None:
    found = {f"{path.relative_to(ROOT)}: {name}" for path in _sources() for name in _private_names(path)}
    assert len(found) >= 8
    listed = [f"{file}: {name}" for name, file in BORROWED.items()]
    unlisted = {one for one in found if not any(_is_part(one, known) for known in listed)}
    assert not unlisted, f"not in docs/borrowed.md: {sorted(unlisted)}"


def _is_part(found: str, listed: str) -> bool:
    """Whether a module or an attribute that was found is a part of a listed name, in the same file."""
    (file, name), (its_file, full) = (one.split(": ") for one in (found, listed))
    return file == its_file and f".{name}." in f".{full}."


def _sources() -> list[Path]:
    return sorted(path for root in ("runner", "experiments", "hydra_plugins") for path in (ROOT / root).rglob("*.py"))


@cache
def _code(path: Path) -> str:
    """A module without its comments and docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return ast.unparse(tree)


def _private_names(path: Path) -> Iterator[str]:
    """Modules of other libraries whose names are private, and private attributes of what is not the module's own."""
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} | {"self", "cls", "super()"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and _is_private(node.module):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_private(alias.name))
        elif isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
            owner = ast.unparse(node.value)
            if owner not in own and ast.unparse(node) != "os._exit":  # which Python documents
                yield node.attr


def _is_private(module: str) -> bool:
    if module.split(".")[0] in (*sys.stdlib_module_names, "runner", "experiments"):
        return False
    return bool(re.search(r"(^|\.)(_|src(\.|$)|python\.)", module)) or module.startswith("mlflow.store.")
