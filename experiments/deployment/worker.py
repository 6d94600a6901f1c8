"""The process that serves one way and measures it: fresh, so that start-up times and memory can be compared.

It takes requests from the pipe whose descriptor it is given: the name of a method of :class:`Worker` and its
arguments. Nothing is imported that the way does not need.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from experiments.deployment.load import Latency, latency, throughput
from experiments.deployment.ways import ORIGINAL, WAYS, Given, Inputs, Outputs, Way, WayFailed
from experiments.reporting.text import first_line
from experiments.runtime.device import Device

CHUNK = 100
"""Examples a request when a whole set is asked for."""


class Worker:
    """What the lab may ask for."""

    def __init__(self) -> None:
        self._way: Way

    def start(self, name: str, artifact: Path, device: Device, example: Inputs) -> float | None:
        """Starts a way, up to its first answer; the seconds where another process serves (see :meth:`Way.start`)."""
        self._way = WAYS[name]()
        seconds = self._way.start(artifact, device)
        began = time.monotonic()
        self._way.client()(example)
        return None if seconds is None else seconds + time.monotonic() - began

    def load(self, model: Path, device: Device) -> None:
        """Starts the original, of whose inputs nothing is known yet."""
        self._way = ORIGINAL()
        self._way.start(model, device)

    def predict(self, inputs: Inputs) -> Outputs:
        """The outputs for all inputs."""
        client = self._way.client()
        return np.concatenate([client(inputs[i : i + CHUNK]) for i in range(0, len(inputs), CHUNK)])

    def latency(self, inputs: Inputs, seconds: float) -> Latency:
        return latency(self._way.client(), inputs, seconds)

    def throughput(self, inputs: Inputs, batch: int, clients: int, seconds: float) -> float:
        return throughput(self._way.client, inputs, batch, clients, seconds)

    def describe(self) -> tuple[int, tuple[int, ...], str]:
        """The original's number of parameters, the shape of an example, and the type of its inputs."""
        assert isinstance(self._way, ORIGINAL)
        model = self._way.model
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise WayFailed(
                f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
                "this experiment serves models with one of each"
            )
        shape = tuple(1 if size is None else size for size in model.inputs[0].shape[1:])
        return model.count_params(), shape, str(model.inputs[0].dtype)

    def make(self, name: str, given: Given, target: Path) -> None:
        """Makes another way's artifact from the original, which this worker serves."""
        assert isinstance(self._way, ORIGINAL)
        target.parent.mkdir(parents=True, exist_ok=True)
        WAYS[name].make(self._way.model, given, target)

    def modules(self) -> frozenset[str]:
        """The names of the packages imported in this process."""
        return frozenset(module.partition(".")[0] for module in sys.modules)


def main() -> None:
    """Answers requests until there are no more."""
    _end_with_lab()
    connection, worker = Connection(int(sys.argv[1])), Worker()
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer: object = getattr(worker, method)(*arguments)
        except WayFailed as failed:
            answer = failed
        except Exception as error:  # whatever a library has to say: it is this way's result
            traceback.print_exc()  # to the lab's log
            answer = WayFailed(f"{type(error).__name__}: {first_line(error)[:300]}")
        connection.send(answer)


def _end_with_lab() -> None:
    """When standard input ends, the lab is gone, however that went: this process ends, with the servers it started."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
