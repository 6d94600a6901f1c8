"""MLflow's own scoring server, asked over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from experiments.deployment.backends.backend import (
    BackendFailed,
    BackendInputs,
    Client,
    Inputs,
    Outputs,
    ServingBackend,
)
from experiments.networks.served import scores_of
from experiments.runtime import subprocesses
from experiments.runtime.device import Device

HOST = "127.0.0.1"
REQUEST_SECONDS = 60

MLFLOW = "import runpy; runpy.run_module('mlflow', run_name='__main__', alter_sys=True)"
"""``python -m mlflow``."""

SAVE = """
import sys
from pathlib import Path

import mlflow.tensorflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from experiments.networks.saving import load
from experiments.networks.served import network_of

def schema(tensors):
    shapes = [[-1 if size is None else size for size in tensor.shape] for tensor in tensors]
    return Schema([TensorSpec(np.dtype(tensor.dtype), shape) for tensor, shape in zip(tensors, shapes)])

model = network_of(load(Path(sys.argv[1])))
mlflow.tensorflow.save_model(
    model,
    sys.argv[2],
    signature=ModelSignature(schema(model.inputs), schema(model.outputs)),
    pip_requirements=mlflow.tensorflow.get_default_pip_requirements(),  # else MLflow loads the model to find them out
)
"""
"""Makes an MLflow model of a ``.keras`` file. A process of its own does it: this package imports no MLflow."""


class MlflowServe(ServingBackend):
    """``mlflow models serve`` in this Python, with one worker process; JSON over one connection a client."""

    name = "mlflow_serve"
    title = "mlflow models serve"
    artifact = "mlflow_model"
    is_kept = False

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        if given.mlflow_model is None:
            _save_mlflow_model(given.model, target)
        elif _takes_columns(given.mlflow_model):  # and not the numbers that the other ways are asked with
            model.save(network := target.with_name("network.keras"))
            _save_mlflow_model(network, target)
        else:
            shutil.copytree(given.mlflow_model, target)

    def start(self, artifact: Path, device: Device) -> float | None:
        self._port = free_port()
        log = artifact.parent / "mlflow_serve.log"
        began = time.monotonic()
        with log.open("wb") as output:
            self._server = subprocesses.start(
                MLFLOW,
                *("models", "serve", "--env-manager", "local"),
                *("--model-uri", str(artifact), "--host", HOST, "--port", str(self._port)),
                folder=artifact.parent,
                variables=_variables(artifact.parent, device),
                output=output,
            )
        self._wait_until_up(log)
        return time.monotonic() - began

    def client(self) -> Client:
        connection = HTTPConnection(HOST, self._port, timeout=REQUEST_SECONDS)

        def ask(body: str) -> HTTPResponse:
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            return connection.getresponse()

        def predict(inputs: Inputs) -> Outputs:
            body = json.dumps({"inputs": inputs.tolist()})
            try:
                response = ask(body)
            except ConnectionError:  # the server closes a connection that is idle for some seconds
                connection.close()
                response = ask(body)
            content = response.read()
            if response.status != 200:
                said = content[:200].decode(errors="replace")
                raise BackendFailed(f"the server answered HTTP {response.status}: {said}")
            return np.asarray(scores_of(json.loads(content)["predictions"]), np.float32)

        return predict

    def _wait_until_up(self, log: Path) -> None:
        """Return when the server answers. There is no limit here: a caller who has waited enough ends the process."""
        while not _answers(self._port):
            if (status := self._server.poll()) is not None:
                raise BackendFailed(f"the server ended with status {status}: {_last_line(log)}")
            time.sleep(0.05)


def _takes_columns(mlflow_model: Path) -> bool:
    """Tell whether an MLflow model takes the columns of a table by their names."""
    signature = yaml.safe_load((mlflow_model / "MLmodel").read_text()).get("signature") or {}
    return any("name" in taken for taken in json.loads(signature.get("inputs") or "[]"))


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _last_line(log: Path) -> str:
    """Return the error at the end of a traceback, else the last line of the log."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "Exception" in line]
    return (errors or lines or ["it said nothing"])[-1][:300]


def _variables(folder: Path, device: Device) -> dict[str, str]:
    """Return the environment variables of a process with MLflow that writes to ``folder`` and contacts nobody."""
    return subprocesses.device_variables(device) | {
        # mlflow starts uvicorn by name
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow_serve.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _save_mlflow_model(model: Path, target: Path) -> None:
    """Have MLflow write its own format, for a source that is a plain ``.keras`` file. Raises BackendFailed."""
    log = target.parent / "mlflow_save.log"
    variables = _variables(target.parent, Device(kind="cpu"))  # nothing is computed: no GPU memory is taken
    with log.open("wb") as output:
        process = subprocesses.start(SAVE, str(model), str(target), variables=variables, output=output)
        try:
            status = process.wait()
        finally:
            subprocesses.end(process)
    if status != 0:
        raise BackendFailed(_last_line(log))
