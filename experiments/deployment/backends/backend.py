"""The interface of a serving backend."""

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
"""Takes a batch of inputs and returns the model's outputs, as float32 if the model's are floating-point."""


class BackendFailed(RuntimeError):
    """A backend cannot serve this model; the message is one sentence that says why."""


@dataclass(frozen=True)
class InputSpec:
    """The inputs that a model takes."""

    shape: tuple[int | None, ...]
    """Of one example; None where any size will do."""
    dtype: str

    def in_words(self) -> str:
        """Return the shape as it is written for Keras: ``[None, None, 3]``."""
        return str(list(self.shape))


@dataclass(frozen=True)
class BackendInputs:
    """The files that an artifact is made from. They are files because another process makes it."""

    model: Path
    """The original, a ``.keras`` file."""
    calibration: Path
    """``.npy``: typical inputs of the model, from which the ranges of int8 numbers are chosen."""
    mlflow_model: Path | None = None
    """The folder of an MLflow model, if the source has one."""


class ServingBackend(ABC):
    """One way of serving a model. An instance lives in the process that serves, and may have several clients."""

    name: ClassVar[str]
    """Its value in ``experiment.ways``."""
    title: ClassVar[str]
    """Its name in tables and plots."""
    artifact: ClassVar[str]
    """The path of what is served, a file or a folder, relative to the run's artifacts."""
    requires: ClassVar[tuple[str, ...]] = ()
    """The modules that making or serving the artifact imports from :attr:`extra`."""
    extra: ClassVar[str] = "deployment"
    """The extra of this package that installs them."""
    is_default: ClassVar[bool] = True
    """Whether it is measured where ``experiment.ways`` is not given."""
    is_kept: ClassVar[bool] = True
    """Whether the artifact is kept with the run; False where the source has it already."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """Return those of :attr:`requires` that are not installed."""
        return tuple(module for module in cls.requires if importlib.util.find_spec(module) is None)

    @staticmethod
    @abstractmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        """Write the artifact to ``target``. ``model`` is the original as a ``keras.Model``."""

    @abstractmethod
    def start(self, artifact: Path, device: Device) -> float | None:
        """Get ready to answer clients.

        Return None if this process serves: its own start then counts as well. If another process serves, return the
        seconds that it took to start. Raise BackendFailed if it does not.
        """

    def remark(self) -> str:
        """Return what a reader of its figures has to know of this artifact, as a sentence; mostly nothing."""
        return ""

    @abstractmethod
    def client(self) -> Client:
        """Return a client for one thread; several threads may ask at the same time, each with its own."""
