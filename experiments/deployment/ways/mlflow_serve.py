"""MLflow's own scoring server, asked over HTTP."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from experiments.deployment.ways.way import Client, Given, Inputs, Outputs, Way, WayFailed
from experiments.runtime.device import Device

HOST = "127.0.0.1"
REQUEST_SECONDS = 60
PR_SET_PDEATHSIG = 1
"""Linux's prctl: a signal for this process when its parent ends."""


class MlflowServe(Way):
    """``mlflow models serve`` in this Python, with one worker process; JSON over a connection a client.

    The server's processes belong to the process group of who starts it, so that they can be ended with it.
    """

    name = "mlflow_serve"
    title = "mlflow models serve"
    artifact = "mlflow_model"
    is_kept = False

    @staticmethod
    def make(model: Any, given: Given, target: Path) -> None:
        if given.mlflow_model is not None:
            shutil.copytree(given.mlflow_model, target)
        else:
            _write_mlflow_model(model, given.model, target)

    def start(self, artifact: Path, device: Device) -> float | None:
        self._port = free_port()
        log = artifact.parent / "mlflow_serve.log"
        began = time.monotonic()
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"),
                    *("--model-uri", str(artifact), "--host", HOST, "--port", str(self._port)),
                ],
                cwd=artifact.parent,
                env=_environment(artifact.parent, device),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._wait_until_up(log)
        return time.monotonic() - began

    def client(self) -> Client:
        connection = HTTPConnection(HOST, self._port, timeout=REQUEST_SECONDS)

        def predict(inputs: Inputs) -> Outputs:
            body = json.dumps({"inputs": inputs.tolist()})
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise WayFailed(f"the server answered HTTP {response.status}: {content[:200].decode(errors='replace')}")
            return np.asarray(json.loads(content)["predictions"], np.float32)

        return predict

    def stop(self) -> None:
        """Asks the server to end. Whoever must be sure ends the process group."""
        self._server.terminate()

    def _wait_until_up(self, log: Path) -> None:
        """Returns when it answers. Who is not content with how long this takes ends the process."""
        while not _answers(self._port):
            if (status := self._server.poll()) is not None:
                raise WayFailed(f"the server ended with status {status}: {_last_line(log)}")
            time.sleep(0.05)


def free_port() -> int:
    """A port of this machine that nobody uses now."""
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
    """The error that a traceback ends with, else the last thing that was said."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "Exception" in line]
    return (errors or lines or ["it said nothing"])[-1][:300]


def _environment(folder: Path, device: Device) -> dict[str, str]:
    """For the server: what it writes goes to ``folder``; it asks nobody on the Internet."""
    environment = os.environ | {
        # mlflow starts uvicorn by name
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow_serve.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if device.kind == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    if device.intra_op_threads is not None:
        environment["TF_NUM_INTRAOP_THREADS"] = str(device.intra_op_threads)
    if device.inter_op_threads is not None:
        environment["TF_NUM_INTEROP_THREADS"] = str(device.inter_op_threads)
    return environment


def _end_with_parent() -> None:
    """In the server's first process: it ends when the one that asks it does, however that goes."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_mlflow_model(model: Any, file: Path, target: Path) -> None:
    """An MLflow model of the flavor tensorflow as ``mlflow.tensorflow.save_model`` writes it.

    For sources that have none: a plain ``.keras`` file. Format: https://mlflow.org/docs/latest/ml/model
    """
    (target / "data").mkdir(parents=True)
    shutil.copyfile(file, target / "data" / "model.keras")
    (target / "data" / "keras_module.txt").write_text("tensorflow.keras")
    (target / "data" / "save_format.txt").write_text("tf")
    description = {
        "flavors": {
            "python_function": {"loader_module": "mlflow.tensorflow", "data": "data", "env": {}},
            "tensorflow": {"data": "data", "model_type": "keras", "save_format": "tf", "code": None},
        },
        "signature": {"inputs": _tensor(model.inputs[0]), "outputs": _tensor(model.outputs[0])},
    }
    (target / "MLmodel").write_text(yaml.safe_dump(description))


def _tensor(tensor: Any) -> str:
    """A tensor in an MLflow signature; -1 stands for any size."""
    shape = [-1 if size is None else size for size in tensor.shape]
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": str(tensor.dtype), "shape": shape}}])
