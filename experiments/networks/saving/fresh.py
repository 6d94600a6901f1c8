"""The fresh process: loads every format of a saved model and computes its outputs.

``python -m experiments.networks.saving.fresh FOLDER``, begun by :mod:`experiments.networks.saving.reload`, which
has written ``task.json`` and the inputs to that folder and finds the outputs and ``report.json`` there.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.experiment import Refused
from experiments.networks.saving import arrays
from experiments.networks.saving.layout import FORMATS
from experiments.networks.saving.load import load
from experiments.networks.saving.outputs import outputs
from experiments.networks.saving.task import INPUTS, REPORT, TASK
from experiments.runtime import device


def main(folder: Path) -> None:
    """Does the task in ``folder``."""
    _end_with_parent()
    task = json.loads((folder / TASK).read_text())
    device.start(device.Device(**task["device"]))
    for module in (*task["modules"], "keras"):  # now, so that no format is charged for it
        importlib.import_module(module)
    with device.scope():
        report = {name: _answer(name, folder, task) for name in FORMATS}
    (folder / REPORT).write_text(json.dumps(report))


def _answer(name: str, folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Writes the outputs of one format; says how long loading it took, or why it could not be loaded."""
    path = Path(task["model"]) / FORMATS[name]
    into = _architecture(task["architecture"]) if name == "weights" else None
    begun = time.perf_counter()
    try:
        model: Callable[..., Any] = load(path, into=into)
        seconds = time.perf_counter() - begun
        arrays.write_list(folder / f"{name}.npz", outputs(model, arrays.read(folder / INPUTS)))
    except Refused as error:
        return {"seconds": 0.0, "problem": str(error)}
    return {"seconds": seconds, "problem": ""}


def _architecture(config: str) -> Any:
    """The model without its weights, for those in the file."""
    import keras

    return keras.models.model_from_json(config)


def _end_with_parent() -> None:
    """Ends this process when the one that holds the other end of its standard input is gone."""

    def watch() -> None:
        os.read(0, 1)  # not sys.stdin: its lock would be held when the interpreter ends
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)  # all is written; TensorFlow's threads need no end
