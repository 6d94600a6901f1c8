"""What a way of serving a model is."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from experiments.runtime.device import Device

Inputs = np.ndarray[Any, Any]
Outputs = np.ndarray[Any, Any]
Client = Callable[[Inputs], Outputs]
"""Takes a batch of inputs, returns the model's outputs in float32 where the model's are numbers."""


class WayFailed(RuntimeError):
    """A way cannot be taken; the message is one sentence that says why."""


@dataclass(frozen=True)
class Given:
    """What an artifact is made from. All of it lies in files, since the maker is a process of its own."""

    model: Path
    """The original, a ``.keras`` file."""
    calibration: Path
    """``.npy``: inputs that are typical of the model's, by which int8 ranges are chosen."""
    mlflow_model: Path | None = None
    """The folder of an MLflow model, where the source has one."""


class Way(ABC):
    """One way of serving, in the process that serves it: made, started, asked by one or more clients, stopped."""

    name: ClassVar[str]
    """As in ``experiment.ways``."""
    title: ClassVar[str]
    """For tables and plots."""
    artifact: ClassVar[str]
    """Where what is served lies, below the run's artifacts: a file or a folder."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Modules beyond this project's own that making or serving it imports; the extra ``deployment`` has them."""
    is_kept: ClassVar[bool] = True
    """Whether the artifact is kept with the run; the source has the others already."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """Those of :attr:`requires` that are not installed."""
        return tuple(module for module in cls.requires if importlib.util.find_spec(module) is None)

    @staticmethod
    @abstractmethod
    def make(model: Any, given: Given, target: Path) -> None:
        """Writes the artifact to ``target``. ``model`` is the original, loaded by Keras."""

    @abstractmethod
    def start(self, artifact: Path, device: Device) -> float | None:
        """Makes ready to be asked.

        Returns the seconds that the start took where it is not this process that serves; None is where it is, so
        that the start of the process counts, too. Raises WayFailed.
        """

    @abstractmethod
    def client(self) -> Client:
        """A client for one thread; several may ask at the same time."""

    def stop(self) -> None:
        """Frees what :meth:`start` took. What this process holds goes with it."""
        return
