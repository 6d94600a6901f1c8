"""ONNX, the exchange format, run by onnxruntime without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import BackendInputs, Client, Inputs, Outputs, ServingBackend
from experiments.experiment import Refused
from experiments.runtime.device import Device


class Onnx(ServingBackend):
    """Keras' own export, which uses tf2onnx, and onnxruntime on the CPU."""

    name = "onnx"
    title = "ONNX"
    artifact = "model.onnx"
    requires = ("onnx", "onnxruntime", "tf2onnx")

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        model.export(str(target), format="onnx", verbose=False)

    def start(self, artifact: Path, device: Device) -> float | None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        if device.intra_op_threads is not None:
            options.intra_op_num_threads = device.intra_op_threads
        self._session = onnxruntime.InferenceSession(str(artifact), options, providers=["CPUExecutionProvider"])
        inputs = self._session.get_inputs()
        if len(inputs) > 1:
            raise Refused(
                "tf2onnx has made inputs of the model's own constants, as it does with Keras' Normalization layers; "
                "build the model with Rescaling instead"
            )
        (self._input,) = inputs
        return None

    def client(self) -> Client:
        """All clients share the session, whose ``run`` may be called from several threads at a time."""

        def predict(inputs: Inputs) -> Outputs:
            (outputs,) = self._session.run(None, {self._input.name: inputs})
            return np.asarray(outputs)

        return predict
