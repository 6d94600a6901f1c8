"""The original Keras model, called as Keras documents it for single batches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import (
    BackendFailed,
    BackendInputs,
    Client,
    Inputs,
    InputSpec,
    Outputs,
    ServingBackend,
)
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
        self.load(artifact)
        return None

    def load(self, artifact: Path) -> None:
        """Load the model in a process whose device has been started.

        Of a model that the experiment ``training`` has saved, the network within it is served: its inputs and outputs
        are numbers, which all ways can take, and it is the same work for all of them.
        """
        from experiments.networks.saving import load
        from experiments.networks.served import network_of

        self.model = network_of(load(artifact))

    def takes(self) -> InputSpec:
        """Return the inputs that the model takes. Raises BackendFailed for one that this experiment cannot serve."""
        if not self.model.built:
            raise BackendFailed("it has never been built: begin it with keras.Input(shape=...), and save it again")
        given, answers = (_tensors(self.model, name) for name in ("inputs", "outputs"))
        if len(given) != 1 or len(answers) != 1:
            raise BackendFailed(
                f"it has {len(given)} inputs and {len(answers)} outputs; this experiment serves models with one of each"
            )
        if words := [tensor.dtype for tensor in (*given, *answers) if tensor.dtype == "string"]:
            raise BackendFailed(
                f"it takes or gives {words[0]}s; this experiment serves models of numbers: "
                "save the part between the text layers as a model of its own"
            )
        return InputSpec(tuple(given[0].shape[1:]), str(given[0].dtype))

    def client(self) -> Client:
        def predict(inputs: Inputs) -> Outputs:
            return np.asarray(_only(self.model(inputs, training=False)))

        return predict


def _tensors(model: Any, name: str) -> list[Any]:
    """Return the model's symbolic inputs or outputs."""
    return list(getattr(model, name, None) or [])


def _only(outputs: Any) -> Any:
    """Return the single output of a model, which may have a name."""
    while isinstance(outputs, dict | list | tuple):
        (outputs,) = outputs.values() if isinstance(outputs, dict) else outputs
    return outputs
