"""Comparing a saved model's outputs with those it gives in a fresh process that has only the files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from experiments.experiment import Refused
from experiments.networks.saving import arrays
from experiments.networks.saving.arrays import Array, Arrays
from experiments.networks.saving.outputs import identical, largest_difference, outputs
from experiments.networks.saving.save import SavedFile
from experiments.networks.saving.task import INPUTS, REPORT, TASK
from experiments.runtime import subprocesses

if TYPE_CHECKING:
    import keras

    from experiments.recorder import Cell

START = "from experiments.networks.saving.fresh import main; main()"


@dataclass(frozen=True)
class Reloaded:
    """One format of a model, saved here and loaded in the fresh process."""

    saved: SavedFile
    load_seconds: float
    identical: bool
    """Whether every bit of every output equals the original's."""
    largest_difference: float | None
    """The largest absolute difference of an output; None if there is nothing to compare."""
    problem: str = ""
    """Why it could not be loaded, in one line; empty if it was."""

    @property
    def row(self) -> dict[str, Cell]:
        """The row of this format in a table."""
        return {
            "format": self.saved.format,
            "bytes": self.saved.bytes,
            "save_seconds": self.saved.seconds,
            "load_seconds": self.load_seconds,
            "sha256": self.saved.sha256,
            "identical": int(self.identical),
            "largest_difference": self.largest_difference,
            "problem": self.problem,
        }


def reload(
    model: keras.Model,
    saved: Sequence[SavedFile],
    inputs: Arrays,
    modules: Sequence[str] = (),
    seconds: float = 180.0,
) -> list[Reloaded]:
    """Load what :func:`experiments.networks.saving.save` has written in a fresh process and compare the outputs.

    One process loads all formats one after the other, because starting TensorFlow takes most of the time. It computes
    on the same device with the same settings as this one. ``inputs`` are some rows [n, ...]; ``modules`` are imported
    there first, so that their custom layers are registered with Keras.
    Raises Refused if the process ends without an answer or gives none within ``seconds``.
    """
    original = outputs(model, inputs)
    with TemporaryDirectory(prefix="reload-") as scratch:
        folder = Path(scratch)
        _write_task(folder, model, saved, inputs, modules)
        _run(folder, seconds)
        report = json.loads((folder / REPORT).read_text())
        return [_compare(file, report[file.format], folder / f"{file.format}.npz", original) for file in saved]


def _write_task(
    folder: Path, model: keras.Model, saved: Sequence[SavedFile], inputs: Arrays, modules: Sequence[str]
) -> None:
    arrays.write(folder / INPUTS, inputs)
    keras_file = next(file.path for file in saved if file.format == "keras")
    task = {
        "model": str(keras_file.parent.absolute()),
        "architecture": _architecture(model),
        "device": asdict(subprocesses.device_in_use()),
        "modules": list(modules),
    }
    (folder / TASK).write_text(json.dumps(task))


def _architecture(model: keras.Model) -> str:
    """Return the model's config as JSON, without its optimizer: the file of weights has no variables for that."""
    config = json.loads(model.to_json())
    config.pop("compile_config", None)
    return json.dumps(config)


def _run(folder: Path, seconds: float) -> None:
    """Wait for the fresh process; whatever ends the waiting ends the process."""
    with (folder / "output.txt").open("w+b") as output:
        process = subprocesses.start(START, str(folder), output=output)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Refused(f"reloading the model in a fresh process took longer than {seconds:g} seconds") from None
        finally:
            subprocesses.end(process)
        if status != 0:
            raise Refused(f"the fresh process that was to reload the model ended with status {status}{_last(output)}")


def _last(output: Any) -> str:
    """Return ``: `` and the last line that was printed; nothing if there is none."""
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""


def _compare(file: SavedFile, answer: dict[str, Any], path: Path, original: list[Array]) -> Reloaded:
    if answer["problem"]:
        return Reloaded(file, 0.0, identical=False, largest_difference=None, problem=answer["problem"])
    reloaded = arrays.read_list(path)
    return Reloaded(file, answer["seconds"], identical(original, reloaded), largest_difference(original, reloaded))
