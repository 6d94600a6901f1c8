"""The ways of serving a model, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.deployment.ways.keras_model import KerasModel
from experiments.deployment.ways.litert import LiteRTDynamic, LiteRTFloat32, LiteRTInt8
from experiments.deployment.ways.mlflow_serve import MlflowServe
from experiments.deployment.ways.onnx import Onnx
from experiments.deployment.ways.saved_model import SavedModel
from experiments.deployment.ways.way import Client, Given, Inputs, Outputs, Way, WayFailed

ORIGINAL = KerasModel
"""What the others are compared with, and made from."""

WAYS: Mapping[str, type[Way]] = {
    way.name: way for way in (ORIGINAL, SavedModel, LiteRTFloat32, LiteRTDynamic, LiteRTInt8, Onnx, MlflowServe)
}

__all__ = ["ORIGINAL", "WAYS", "Client", "Given", "Inputs", "Outputs", "Way", "WayFailed"]
