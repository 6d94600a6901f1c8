"""Where the original is examined, and the backends' artifacts are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from experiments.deployment.backend_process import BackendProcess
from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import BackendFailed, BackendInputs, Inputs, ServingBackend
from experiments.deployment.original import Original, no_numbers
from experiments.deployment.test_set import load_test_set
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime.subprocesses import device_in_use

T = TypeVar("T")


class Workshop:
    """A process that has the original loaded, and a folder. Both last until :meth:`close`."""

    def __init__(self, source: Source, timeout: float) -> None:
        """``timeout`` is how many seconds an answer of the process may take."""
        self._source, self._timeout = source, timeout
        self._scratch = TemporaryDirectory(prefix="deployment-")
        self.folder = Path(self._scratch.name)
        """The artifacts, at their paths below the run's artifacts."""
        self._given = BackendInputs(source.model, self.folder / "calibration.npy", source.mlflow_model)
        self._process: BackendProcess | None = None

    def close(self) -> None:
        """End the process and delete the folder, if they are still there."""
        self.end_process()
        self._scratch.cleanup()

    def examine(self, examples: int | None, seed: int) -> Original:
        """Ask the original for the answers to so many examples. Raises Refused if it cannot be used at all."""
        title = self._source.title
        try:
            self.process()
        except BackendFailed as failed:
            raise Refused(self._unloaded(str(failed))) from None
        parameters, taken = self._asked("cannot be served", BackendWorker.describe)
        test_set = load_test_set(self._source, taken, examples, seed)
        np.save(self._given.calibration, _of_numpy(test_set.calibration))
        outputs = self._asked(f"cannot answer {test_set.title}", BackendWorker.predict, test_set.inputs)
        if problem := no_numbers(outputs, test_set.rows):
            raise Refused(f"{title} cannot be compared: for {test_set.title} {problem}")
        return Original(self._source, parameters, test_set, outputs, test_set.scoring(outputs))

    def make(self, backend: type[ServingBackend]) -> Path:
        """Return the backend's artifact, made from the original that :meth:`examine` has met. Raises BackendFailed."""
        process = self.process()
        artifact = self.folder / backend.artifact
        try:
            process.call(BackendWorker.make, backend.name, self._given, artifact)
        except BackendFailed as failed:
            raise BackendFailed(f"it cannot be made from the original: {failed}") from None
        return artifact

    def files(self, backend: type[ServingBackend]) -> Iterator[tuple[str, bytes]]:
        """Yield the files of a backend's artifact: their paths below the run's artifacts, and their content."""
        artifact = self.folder / backend.artifact
        for path in [artifact] if artifact.is_file() else sorted(artifact.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder).as_posix(), path.read_bytes()

    def process(self) -> BackendProcess:
        """Return the process that has the original loaded: a fresh one after :meth:`end_process`.

        Raises BackendFailed if the original cannot be loaded.
        """
        if self._process is None:
            self._process = BackendProcess(self._timeout)
            self._process.call(BackendWorker.load, self._source.model, device_in_use())
        return self._process

    def end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _asked(self, otherwise: str, question: Callable[..., T], *arguments: Any) -> T:
        """Return the original's answer to a question. Raises Refused, with what it cannot do, if it has none."""
        try:
            return self.process().call(question, *arguments)
        except BackendFailed as failed:
            raise Refused(f"{self._source.title} {otherwise}: {failed}") from None

    def _unloaded(self, failed: str) -> str:
        """Say why the original cannot be loaded, by the name that the user gave it and not that of a copy."""
        if str(self._source.model).startswith(self._source.title):  # it was named by its path
            return failed
        named = failed.replace(str(self._source.model), self._source.title)
        return named if named != failed else f"{self._source.title} cannot be loaded: {failed}"


def _of_numpy(inputs: Inputs) -> Inputs:
    """Return inputs in a dtype that NumPy's files keep: bfloat16 is none of NumPy's own."""
    return inputs.astype(np.float32) if inputs.dtype.kind == "V" else inputs
