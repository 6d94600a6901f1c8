"""What the process holds of which warm commands are forks. It starts neither TensorFlow nor a thread of ours."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import tempfile
from pathlib import Path

import experiments
import runner
from experiments.runtime.preload import preload

LATER = (
    "alembic.autogenerate",
    "alembic.command",
    "alembic.ddl.sqlite",
    "alembic.op",
    "cryptography.hazmat.primitives.ciphers.aead",
    "hydra._internal.core_plugins.basic_launcher",
    "hydra_plugins.lab_bench.launchers",
    "hydra_plugins.lab_bench.optuna_sweeper",
    "jinja2",
    "mako.template",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.utils.name_utils",
    "pygments.lexers",
    "rich.markdown",
    "sqlalchemy.dialects",
)
"""What a run imports when it needs it."""


def _empty_store() -> bytes:
    """MLflow's database without runs, made by a process of its own, as MLflow starts threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        if (pid := os.fork()) == 0:
            from runner.tracking import making

            status = 1
            try:
                making.make(path)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        return path.read_bytes()


os.environ["MPLBACKEND"] = "agg"  # as runner.cli.app sets it before Matplotlib is imported
preload(None)
for package in (runner, experiments):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
for name in LATER:
    importlib.import_module(name)
EMPTY_STORE = _empty_store()
gc.freeze()
