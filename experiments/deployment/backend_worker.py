"""The program of a fresh process that starts one serving backend and measures it.

The process is fresh so that start-up times and memory can be compared: it imports nothing that the backend does not
need. It takes requests from the connection whose descriptor is its only argument; a request is the name of a method of
:class:`BackendWorker` and its arguments.
"""

from __future__ import annotations

import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.arrivals import Times, UnderLoad, under_load
from experiments.deployment.backends import (
    BACKENDS,
    ORIGINAL,
    BackendFailed,
    BackendInputs,
    Inputs,
    InputSpec,
    Outputs,
    ServingBackend,
)
from experiments.deployment.load import Latency, Throughput, latency, throughput
from experiments.experiment import Refused
from experiments.reporting.text import first_line
from experiments.runtime import device as process_device
from experiments.runtime.device import Device

CHUNK = 100
"""Examples a request when a whole set is asked for."""


class BackendWorker:
    """The requests that :class:`experiments.deployment.backend_process.BackendProcess` may send."""

    def __init__(self) -> None:
        self._backend: ServingBackend

    def start(self, name: str, artifact: Path, device: Device, example: Inputs) -> float | None:
        """Start a backend and ask it once.

        Return the seconds up to the answer if another process serves, else None (see :meth:`ServingBackend.start`).
        """
        self._backend = BACKENDS[name]()
        seconds = self._backend.start(artifact, device)
        began = time.monotonic()
        self._backend.client()(example)
        return None if seconds is None else seconds + time.monotonic() - began

    def load(self, model: Path, device: Device) -> None:
        """Start the original, whose input shape is not known yet."""
        self._backend = ORIGINAL()
        self._backend.start(model, device)

    def predict(self, inputs: Inputs) -> Outputs:
        """Return the outputs for all inputs."""
        client = self._backend.client()
        return np.concatenate([client(inputs[i : i + CHUNK]) for i in range(0, len(inputs), CHUNK)])

    def remark(self) -> str:
        return self._backend.remark()

    def latency(self, inputs: Inputs, seconds: float) -> Latency:
        return latency(self._backend.client(), inputs, seconds)

    def throughput(self, inputs: Inputs, batch: int, clients: int, seconds: float) -> Throughput:
        return throughput(self._backend.client, inputs, batch, clients, seconds)

    def under_load(self, inputs: Inputs, arrivals: Times, clients: int) -> UnderLoad:
        return under_load(self._backend.client, inputs, arrivals, clients)

    def describe(self) -> tuple[int, InputSpec]:
        """Return the original's number of parameters, and the inputs that it takes."""
        assert isinstance(self._backend, ORIGINAL)
        taken = self._backend.takes()
        return self._backend.model.count_params(), taken

    def make(self, name: str, given: BackendInputs, target: Path) -> None:
        """Make another backend's artifact from a copy of the original that only this backend gets.

        A converter may change the model that it is given. It is one that has been called, as Keras' export demands.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        own = ORIGINAL()
        own.load(given.model)
        own.client()(np.load(given.calibration)[:1])
        BACKENDS[name].make(own.model, given, target)

    def modules(self) -> frozenset[str]:
        """Return the names of the packages imported in this process."""
        return frozenset(module.partition(".")[0] for module in sys.modules)

    def device(self) -> tuple[Device, dict[str, Any]]:
        """Return the settings with which TensorFlow was started in this process, and what it says of them itself."""
        return process_device.settings(), process_device.describe()


def main() -> None:
    """Answer requests until the connection ends."""
    connection, worker = Connection(int(sys.argv[1])), BackendWorker()
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer: object = getattr(worker, method)(*arguments)
        except (BackendFailed, Refused) as failed:
            answer = BackendFailed(str(failed))
        except Exception as error:  # whatever a library raises is this backend's result
            traceback.print_exc()  # to the log of the process that asks
            answer = BackendFailed(f"{type(error).__name__}: {first_line(error)[:300]}")
        connection.send(answer)
