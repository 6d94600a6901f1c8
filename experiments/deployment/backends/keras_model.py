"""The original Keras model, called as Keras documents it for single batches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import BackendInputs, Client, Inputs, Outputs, ServingBackend
from experiments.runtime import device as process_device
from experiments.runtime.device import Device


class KerasModel(ServingBackend):
    """``model(batch)`` in eager mode: what the other backends are compared with.

    ``Model.predict`` is for whole data sets; for single batches Keras itself advises the call.
    Source: https://keras.io/getting_started/faq, on the difference between ``predict()`` and ``__call__()``.
    """

    name = "keras"
    title = "Keras, eager"
    artifact = "model.keras"
    is_kept = False

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        shutil.copyfile(given.model, target)

    model: Any
    """A ``keras.Model``."""

    def start(self, artifact: Path, device: Device) -> float | None:
        process_device.start(device)
        from experiments.networks.saving import load

        self.model = load(artifact)
        return None

    def client(self) -> Client:
        def predict(inputs: Inputs) -> Outputs:
            return np.asarray(self.model(inputs, training=False))

        return predict
