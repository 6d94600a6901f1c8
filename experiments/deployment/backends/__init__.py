"""The serving backends, in the order in which they are measured."""

from __future__ import annotations

from experiments.deployment.backends.backend import (
    BackendFailed,
    BackendInputs,
    Client,
    Inputs,
    InputSpec,
    Outputs,
    ServingBackend,
)
from experiments.deployment.backends.keras_model import KerasModel
from experiments.deployment.backends.litert import LiteRTDynamic, LiteRTFloat32, LiteRTInt8
from experiments.deployment.backends.mlflow_serve import MlflowServe
from experiments.deployment.backends.onnx import Onnx
from experiments.deployment.backends.openvino import OpenVino
from experiments.deployment.backends.saved_model import SavedModel
from experiments.plugins import joined

ORIGINAL = KerasModel
"""The backend that the others are compared with; its model is what they are made from."""

BACKENDS: dict[str, type[ServingBackend]] = {
    backend.name: backend
    for backend in (ORIGINAL, SavedModel, LiteRTFloat32, LiteRTDynamic, LiteRTInt8, Onnx, OpenVino, MlflowServe)
}
"""The values of ``experiment.ways``."""


def join(backend: type[ServingBackend]) -> None:
    """Let a backend of somebody else be chosen. Raises ValueError if there is one of that name."""
    if BACKENDS.setdefault(backend.name, backend) is not backend:
        raise ValueError(f"there is a backend {backend.name} already; give {backend.__name__} another name")


for _backend in joined(ServingBackend, "tensorflow_lab_bench.backends"):
    join(_backend)

__all__ = [
    "BACKENDS",
    "ORIGINAL",
    "BackendFailed",
    "BackendInputs",
    "Client",
    "InputSpec",
    "Inputs",
    "Outputs",
    "ServingBackend",
    "join",
]
