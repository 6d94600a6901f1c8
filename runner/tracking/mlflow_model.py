"""A Keras model in MLflow's format: a folder that ``mlflow.tensorflow`` and ``mlflow.pyfunc`` load.

``mlflow.tensorflow.save_model`` needs the model itself, and therefore TensorFlow. This module writes the same files
from the bytes of the ``.keras`` file, but for the loader of ``mlflow.pyfunc``, which is ours. A contract test compares
them with those that MLflow writes.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.networks import saving
from experiments.networks.saving.lab_bench_model import OWN_LAYERS
from experiments.plugins import import_all, registers_with_keras
from runner.environment import package_version
from runner.messages import ModelRecord
from runner.tracking.usage import EXAMPLE, SERVING_EXAMPLE

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from experiments.recorder import Arrays

REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")
"""The packages that loading the model needs; it asks for the versions installed here."""

CONDA, PYTHON, REQUIREMENTS_FILE = "conda.yaml", "python_env.yaml", "requirements.txt"

DATA = "data"
"""The subfolder of the Keras model."""

CODE, LOADER = "code", Path(saving.__file__).parent / "lab_bench_model.py"
"""The subfolder of the code that loads the model for ``mlflow.pyfunc``, and that code."""


def sha256(model: ModelRecord) -> str:
    """Return the SHA-256 of the ``.keras`` file."""
    return hashlib.sha256(model.keras_file).hexdigest()


def write(folder: Path, model: ModelRecord, logged: LoggedModel | None) -> None:
    """Write the MLflow model to ``folder``. ``logged`` is its entry in the store, None if it has none."""
    _write_keras(folder / DATA, model)
    _write_example(folder, model.inputs)
    _write_environment(folder)
    _write_code(folder / CODE)
    described = _described(model, logged)
    described.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    described.save(str(folder / "MLmodel"))


def _write_keras(folder: Path, model: ModelRecord) -> None:
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(model.keras_file)
    (folder / "keras_module.txt").write_text("tensorflow.keras")
    (folder / "save_format.txt").write_text("tf")  # MLflow writes this for every format but HDF5


def _write_example(folder: Path, inputs: Arrays) -> None:
    plain = {name: array.tolist() for name, array in inputs.items()} if isinstance(inputs, Mapping) else inputs.tolist()
    (folder / EXAMPLE).write_text(json.dumps(plain))
    (folder / SERVING_EXAMPLE).write_text(json.dumps({"inputs": plain}))


def _write_code(folder: Path) -> None:
    """Copy the loader, which needs nothing of this project, and the plug-ins that register the model's own layers."""
    folder.mkdir()
    shutil.copyfile(LOADER, folder / LOADER.name)
    for module in filter(registers_with_keras, import_all()):
        assert module.__file__ is not None
        target = folder / OWN_LAYERS / Path(module.__file__).name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(module.__file__, target)


def _write_environment(folder: Path) -> None:
    import yaml

    requirements = [f"{name}=={version}" if (version := package_version(name)) else name for name in REQUIREMENTS]
    python = platform.python_version()
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": [f"-r {REQUIREMENTS_FILE}"]}
    (folder / REQUIREMENTS_FILE).write_text("\n".join(requirements))
    (folder / CONDA).write_text(yaml.safe_dump(conda, sort_keys=False))
    (folder / PYTHON).write_text(yaml.safe_dump(environment, sort_keys=False))


def _described(model: ModelRecord, logged: LoggedModel | None) -> Any:
    """Return the content of the file ``MLmodel``, an ``mlflow.models.Model``."""
    from mlflow import pyfunc
    from mlflow.models import Model, infer_signature

    described = Model(metadata={**model.metadata, "sha256": sha256(model)}, **_identity(logged))
    described.signature = infer_signature(model.inputs, model.outputs)
    # MLflow then leaves it to our loader to look at inputs; it would itself refuse float64 where a model takes float32.
    described.signature._is_signature_from_type_hint = True
    described.saved_input_example_info = {
        "artifact_path": EXAMPLE,
        "serving_input_path": SERVING_EXAMPLE,
        "type": "ndarray",
    }
    tensorflow = package_version("tensorflow")  # sic: MLflow gives TensorFlow's version as that of Keras
    described.add_flavor(
        "tensorflow", code=None, data=DATA, model_type="keras", keras_version=tensorflow, save_format="tf"
    )
    pyfunc.add_to_model(described, loader_module=LOADER.stem, data=DATA, code=CODE, conda_env=CONDA, python_env=PYTHON)
    return described


def _identity(logged: LoggedModel | None) -> dict[str, str]:
    if logged is None:
        return {}
    return {
        "artifact_path": logged.artifact_location,
        "model_uuid": logged.model_id,
        "model_id": logged.model_id,
        "run_id": logged.source_run_id,
    }
