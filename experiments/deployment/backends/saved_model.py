"""SavedModel, TensorFlow's own format, which TensorFlow Serving reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import BackendInputs, Client, Inputs, Outputs, ServingBackend
from experiments.runtime import device as process_device
from experiments.runtime.device import Device
from experiments.runtime.tensorflow_import import import_tensorflow

SIGNATURE = "serving_default"


class SavedModel(ServingBackend):
    """The graph behind the signature ``serving_default``; TensorFlow without Keras.

    The folder ``1`` is a version of the model: TensorFlow Serving watches its parent for numbered folders.
    """

    name = "saved_model"
    title = "SavedModel"
    artifact = "saved_model/1"

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        model.export(str(target), format="tf_saved_model", verbose=False)

    def start(self, artifact: Path, device: Device) -> float | None:
        process_device.start(device)
        tf = import_tensorflow()
        self._loaded = tf.saved_model.load(str(artifact))  # kept: its functions hold its variables only weakly
        self._call = self._loaded.signatures[SIGNATURE]
        ((self._input, spec),) = self._call.structured_input_signature[1].items()
        self._dtype = spec.dtype
        (self._output,) = self._call.structured_outputs
        self._convert = tf.constant
        return None

    def client(self) -> Client:
        def predict(inputs: Inputs) -> Outputs:
            return np.asarray(self._call(**{self._input: self._convert(inputs, self._dtype)})[self._output])

        return predict
