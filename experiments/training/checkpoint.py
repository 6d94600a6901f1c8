"""Everything that decides how training goes on, in one file: a run that goes on from it ends with the same weights."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from experiments.training.execution.state import Arrays

FOLDER = "checkpoint"
"""Of a run's artifacts. Two files take turns in it, so that a death while one is written leaves the other."""


@dataclass(frozen=True)
class EpochRow:
    """What one epoch gave; accuracies are None in a regression."""

    epoch: int
    train_loss: float
    train_accuracy: float | None
    val_loss: float
    val_accuracy: float | None
    seconds: float
    examples_per_s: float


@dataclass
class Checkpoint:
    """The state after an epoch: every variable of model and optimizer, and what was seen so far."""

    epoch: int
    execution: str
    """Which loop trains: after ``auto`` has chosen, going on must not choose again."""
    history: list[EpochRow]
    best_epoch: int
    model: Arrays
    """All variables in Keras' order: weights, moving statistics, states of random generators."""
    optimizer: Arrays
    best: Arrays = field(default_factory=list)
    """The model's variables after the best epoch."""
    source: str = ""
    """Where the data came from: others have other examples to go on with."""

    def to_bytes(self) -> bytes:
        about = {
            "epoch": self.epoch,
            "execution": self.execution,
            "best_epoch": self.best_epoch,
            "source": self.source,
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
        """Raises ValueError where the file is cut off or not a checkpoint."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                about = {"source": ""} | json.loads(str(arrays["about"]))
                groups: dict[str, Arrays] = {
                    name: [arrays[f"{name}.{number}"] for number in range(_count(arrays.files, name))]
                    for name in ("model", "optimizer", "best")
                }
        except (zipfile.BadZipFile, OSError, KeyError, EOFError, json.JSONDecodeError) as error:
            raise ValueError(f"not a whole checkpoint ({error})") from None
        history = [EpochRow(**row) for row in about["history"]]
        return cls(about["epoch"], about["execution"], history, about["best_epoch"], **groups, source=about["source"])


def path_of(number: int) -> str:
    """Where the run's checkpoint of that number, counted from 1, is kept below its artifacts."""
    return f"{FOLDER}/{number % 2}.npz"


def newest(folder: Path) -> Checkpoint | None:
    """The latest whole checkpoint in a folder; None if there is none."""
    found = []
    for path in folder.glob("*.npz"):
        try:
            found.append(Checkpoint.from_bytes(path.read_bytes()))
        except ValueError:
            continue
    return max(found, key=lambda checkpoint: checkpoint.epoch, default=None)


def _count(names: list[str], group: str) -> int:
    return sum(name.startswith(f"{group}.") for name in names)
