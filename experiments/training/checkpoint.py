"""The file from which a training is resumed; it ends with the weights of an undisturbed run."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from experiments.training.execution.state import Arrays
from experiments.training.history import EpochRow

FOLDER = "checkpoint"
"""A folder of the run's artifacts. Two files take turns in it: a death while one is written leaves the other."""


@dataclass
class Checkpoint:
    """The state after an epoch: every variable of model and optimizer, and the history so far."""

    epoch: int
    execution: str
    """The loop that trains; where ``auto`` chose it, a resumed training does not choose again."""
    history: list[EpochRow]
    best_epoch: int
    model: Arrays
    """All variables in Keras' order: weights, moving statistics, states of the seed generators."""
    optimizer: Arrays
    best: Arrays = field(default_factory=list)
    """The model's variables after the best epoch."""
    source: str = ""
    """The data's source; a checkpoint does not fit other data."""
    sha256: str = ""
    """The hash of all examples; empty in checkpoints that were written before it was kept."""

    def to_bytes(self) -> bytes:
        """Return the content of an ``.npz`` file."""
        about = {
            "epoch": self.epoch,
            "execution": self.execution,
            "best_epoch": self.best_epoch,
            "source": self.source,
            "sha256": self.sha256,
            "history": [asdict(row) for row in self.history],
        }
        arrays = {"about": np.array(json.dumps(about))}
        for name in ("model", "optimizer", "best"):
            arrays.update({f"{name}.{number}": array for number, array in enumerate(getattr(self, name))})
        target = io.BytesIO()
        np.savez(target, **arrays)  # type: ignore[arg-type]  # its stubs take the names for options
        return target.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Read what :meth:`to_bytes` has written. Raises ValueError if it is cut off or not a checkpoint."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                about = {"source": "", "sha256": ""} | json.loads(str(arrays["about"]))
                groups: dict[str, Arrays] = {
                    name: [arrays[f"{name}.{number}"] for number in range(_count(arrays.files, name))]
                    for name in ("model", "optimizer", "best")
                }
        except (zipfile.BadZipFile, OSError, KeyError, EOFError, json.JSONDecodeError) as error:
            raise ValueError(f"not a whole checkpoint ({error})") from None
        history = [EpochRow(**row) for row in about["history"]]
        return cls(
            about["epoch"], about["execution"], history, about["best_epoch"], **groups, source=about["source"],
            sha256=about["sha256"],
        )  # fmt: skip


def path_of(number: int) -> str:
    """Return the path of a run's checkpoint, relative to its artifacts; checkpoints are counted from 1."""
    return f"{FOLDER}/{number % 2}.npz"


def newest(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of the latest epoch in a folder; None if no file there is whole."""
    found = []
    for path in folder.glob("*.npz"):
        try:
            found.append(Checkpoint.from_bytes(path.read_bytes()))
        except ValueError:
            continue
    return max(found, key=lambda checkpoint: checkpoint.epoch, default=None)


def _count(names: list[str], group: str) -> int:
    return sum(name.startswith(f"{group}.") for name in names)
