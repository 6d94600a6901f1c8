"""OpenVINO's intermediate representation, run by its runtime without TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import BackendInputs, Client, Inputs, Outputs, ServingBackend
from experiments.runtime.device import Device

MODEL_FILE = "model.xml"


class OpenVino(ServingBackend):
    """Keras' own export, and OpenVINO's plugin for the CPU, in float32."""

    name = "openvino"
    title = "OpenVINO"
    artifact = "openvino"
    requires = ("openvino",)
    extra = "openvino"
    is_default = False

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # its converter would report to Intel
        target.mkdir()
        model.export(str(target / MODEL_FILE), format="openvino", verbose=False)

    def start(self, artifact: Path, device: Device) -> float | None:
        import openvino

        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",  # where the processor has bfloat16, the plugin would round to it
            "PERFORMANCE_HINT": "LATENCY",
        }
        if device.intra_op_threads is not None:
            options["INFERENCE_NUM_THREADS"] = device.intra_op_threads
        self._compiled = openvino.Core().compile_model(str(artifact / MODEL_FILE), "CPU", options)
        return None

    def client(self) -> Client:
        """Return a request of its own: one request answers one call at a time."""
        request = self._compiled.create_infer_request()

        def predict(inputs: Inputs) -> Outputs:
            (outputs,) = request.infer([inputs]).values()
            return np.array(outputs)  # the request keeps its own memory for the next call

        return predict
