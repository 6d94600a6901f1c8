"""The program of the fresh process: load every format of a saved model and compute its outputs.

:mod:`experiments.networks.saving.reload` starts it with a folder as its only argument. It has written ``task.json`` and
the inputs to that folder, and finds the outputs and ``report.json`` there.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from experiments.experiment import Refused
from experiments.networks.saving import arrays
from experiments.networks.saving.layout import FORMATS
from experiments.networks.saving.load import load
from experiments.networks.saving.outputs import outputs
from experiments.networks.saving.task import INPUTS, REPORT, TASK
from experiments.reporting.text import first_line
from experiments.runtime import device


def main() -> NoReturn:
    """Do the task in the folder that the command line names, and end the process."""
    folder = Path(sys.argv[1])
    task = json.loads((folder / TASK).read_text())
    device.start(device.Device(**task["device"]))
    for module in (*task["modules"], "keras"):  # now, so that no format is charged for it
        importlib.import_module(module)
    with device.scope():
        report = {name: _answer(name, folder, task) for name in FORMATS}
    (folder / REPORT).write_text(json.dumps(report))
    os._exit(0)  # all is written; TensorFlow's threads need no end


def _answer(name: str, folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Write the outputs of one format; return the seconds that loading took, or why it could not be loaded."""
    path = Path(task["model"]) / FORMATS[name]
    try:
        into = _architecture(task["architecture"]) if name == "weights" else None
        begun = time.perf_counter()
        model: Callable[..., Any] = load(path, into=into)
        seconds = time.perf_counter() - begun
        arrays.write_list(folder / f"{name}.npz", outputs(model, arrays.read(folder / INPUTS)))
    except Refused as error:
        return {"seconds": 0.0, "problem": str(error)}
    except Exception as error:  # whatever Keras and TensorFlow raise belongs to this format alone
        return {"seconds": 0.0, "problem": f"{type(error).__name__}: {first_line(error)}"}
    return {"seconds": seconds, "problem": ""}


def _architecture(config: str) -> Any:
    """Build the model without its weights, which are then loaded from the file."""
    import keras

    return keras.models.model_from_json(config)
