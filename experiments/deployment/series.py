"""Measuring a model with one serving backend after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np

from experiments.deployment.backend_process import BackendProcess
from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import (
    BACKENDS,
    ORIGINAL,
    BackendFailed,
    BackendInputs,
    Inputs,
    Outputs,
    ServingBackend,
)
from experiments.deployment.load import Latency
from experiments.deployment.original import load_test_set
from experiments.deployment.scoring import Scoring
from experiments.deployment.settings import DeploymentSettings
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime.subprocesses import device_in_use

INSTALL = "pip install 'tensorflow-lab-bench[deployment]'"


@dataclass(frozen=True)
class Service:
    """The measurements of one backend."""

    backend: type[ServingBackend]
    size_bytes: int
    startup_seconds: float
    """From the start of its process to the first answer."""
    latency: Latency
    throughput: dict[tuple[int, int], float]
    """(batch size, clients) -> examples a second."""
    difference: float
    """The largest absolute difference of any output from the original's."""
    quality: float | None
    """How well it answers the test set; None without labels."""
    remark: str = ""
    """See :meth:`experiments.deployment.backends.ServingBackend.remark`."""


@dataclass
class DeploymentSeries:
    """The model, its test set, and the backends measured so far. Leaving the ``with`` block ends all processes."""

    settings: DeploymentSettings
    source: Source
    services: list[Service] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Backend -> why it has no figures."""
    scoring: Scoring | None = None
    """How outputs are held against the test set's labels; None without labels."""

    @property
    def measure_of_quality(self) -> str:
        """The name of :attr:`Service.quality`."""
        return "accuracy" if self.scoring is None else self.scoring.measure

    def __enter__(self) -> DeploymentSeries:
        self._scratch = TemporaryDirectory(prefix="deployment-")
        self._folder = Path(self._scratch.name)
        self._original: BackendProcess | None = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_original()
        self._scratch.cleanup()

    def begin(self) -> None:
        """Start the original and load its test set. Raises Refused if the model cannot be used at all."""
        settings = self.settings
        self._original = BackendProcess(settings.timeout)
        try:
            self._original.call(BackendWorker.load, self.source.model, device_in_use())
        except BackendFailed as failed:
            raise Refused(self._unloaded(str(failed))) from None
        try:
            self.parameters, taken = self._original.call(BackendWorker.describe)
        except BackendFailed as failed:
            raise Refused(f"{self.source.title} cannot be served: {failed}") from None
        until_loaded = self._original.since_began()
        self.test_set = load_test_set(self.source, taken, settings.examples, settings.seed)
        self._inputs = BackendInputs(self.source.model, self._folder / "calibration.npy", self.source.mlflow_model)
        np.save(self._inputs.calibration, _of_numpy(self.test_set.calibration))
        began = self._original.since_began()
        try:
            self._original.call(BackendWorker.predict, self.test_set.inputs[:1])
            self._original_startup = until_loaded + self._original.since_began() - began
            self._reference = self._original.call(BackendWorker.predict, self.test_set.inputs)
        except BackendFailed as failed:
            raise Refused(f"{self.source.title} cannot answer {self.test_set.title}: {failed}") from None
        if problem := _no_numbers(self._reference):
            raise Refused(f"{self.source.title} cannot be compared: for {self.test_set.title} {problem}")
        self.scoring = self.test_set.scoring(self._reference)
        self.original_quality = self._quality(self._reference)

    def _unloaded(self, failed: str) -> str:
        """Say why the original cannot be loaded, by the name that the user gave it and not that of a copy."""
        if str(self.source.model).startswith(self.source.title):  # it was named by its path
            return failed
        named = failed.replace(str(self.source.model), self.source.title)
        return named if named != failed else f"{self.source.title} cannot be loaded: {failed}"

    def measure(self, say: Callable[[str, float, str], None]) -> Iterator[Service | None]:
        """Measure each backend in turn; yield None for one that failed.

        ``say(backend, fraction, text)`` is called between timings, never during one.
        """
        for name in BACKENDS:
            if name not in self.settings.ways:
                continue
            try:
                service = self._measure(BACKENDS[name], say)
            except BackendFailed as failed:
                self._end_original()  # it may have crashed, or still be busy with this backend
                self.not_measured[name] = str(failed)
                say(name, 1.0, f"not measured: {failed}")
                yield None
            else:
                self.services.append(service)
                yield service

    def files(self, backend: type[ServingBackend]) -> Iterator[tuple[str, bytes]]:
        """Yield the files that a backend has served: their paths below the run's artifacts, and their content."""
        artifact = self._folder / backend.artifact
        for path in [artifact] if artifact.is_file() else sorted(artifact.rglob("*")):
            if path.is_file():
                yield path.relative_to(self._folder).as_posix(), path.read_bytes()

    def _measure(self, backend: type[ServingBackend], say: Callable[[str, float, str], None]) -> Service:
        if missing := backend.missing():
            raise BackendFailed(f"{', '.join(missing)} not installed; {INSTALL}")
        inputs, seconds = self.test_set.inputs, self.settings.seconds
        say(backend.name, 0.0, "made from the original")
        artifact = self._make(backend)
        say(backend.name, 0.2, "starts")
        with self._started(backend, artifact) as (process, startup):
            outputs = process.call(BackendWorker.predict, inputs)
            difference = _difference(outputs, self._reference)
            remark = process.call(BackendWorker.remark)
            say(backend.name, 0.4, f"up after {startup:.1f} s")
            latency = process.call(BackendWorker.latency, inputs, seconds)
            points, rates = self.settings.points(), dict[tuple[int, int], float]()
            for batch, clients in points:
                say(backend.name, 0.5 + 0.5 * len(rates) / len(points), f"{latency.p50_ms:.3g} ms a call")
                rates[batch, clients] = process.call(BackendWorker.throughput, inputs, batch, clients, seconds)
        quality = self._quality(outputs)
        return Service(backend, _size(artifact), startup, latency, rates, difference, quality, remark)

    def _quality(self, outputs: Outputs) -> float | None:
        return None if self.scoring is None else self.scoring.quality(outputs)

    @contextmanager
    def _started(self, backend: type[ServingBackend], artifact: Path) -> Iterator[tuple[BackendProcess, float]]:
        """Yield a process that serves with this backend, and the seconds it took to start."""
        if backend is ORIGINAL:
            assert self._original is not None
            yield self._original, self._original_startup
            return
        with BackendProcess(self.settings.timeout) as process:
            example = self.test_set.inputs[:1]
            seconds = process.call(BackendWorker.start, backend.name, artifact, device_in_use(), example)
            yield process, process.since_began() if seconds is None else seconds

    def _make(self, backend: type[ServingBackend]) -> Path:
        """Have the original's process make the artifact, or a fresh one after a backend that has failed."""
        if self._original is None:
            self._original = BackendProcess(self.settings.timeout)
            self._original.call(BackendWorker.load, self.source.model, device_in_use())
        target = self._folder / backend.artifact
        try:
            self._original.call(BackendWorker.make, backend.name, self._inputs, target)
        except BackendFailed as failed:
            raise BackendFailed(f"it cannot be made from the original: {failed}") from None
        return target

    def _end_original(self) -> None:
        if self._original is not None:
            self._original.close()
            self._original = None


def _of_numpy(inputs: Inputs) -> Inputs:
    """Return inputs in a dtype that NumPy's files keep: bfloat16 is none of NumPy's own."""
    return inputs.astype(np.float32) if inputs.dtype.kind == "V" else inputs


def _difference(outputs: Outputs, reference: Outputs) -> float:
    if outputs.shape != reference.shape:
        raise BackendFailed(f"its outputs have the shape {outputs.shape}, the original's {reference.shape}")
    if problem := _no_numbers(outputs):
        raise BackendFailed(f"{problem}, where the original's are numbers")
    return float(np.max(np.abs(outputs.astype(np.float64) - reference.astype(np.float64))))


def _no_numbers(outputs: Outputs) -> str:
    """Say which outputs are NaN or infinite; nothing if none are."""
    wrong = ~np.isfinite(outputs.astype(np.float64)).reshape(len(outputs), -1).all(axis=1)
    if not wrong.any():
        return ""
    return f"{wrong.sum():,} of {len(outputs):,} outputs hold NaN or infinity, first that of example {wrong.argmax()}"


def _size(artifact: Path) -> int:
    if artifact.is_file():
        return artifact.stat().st_size
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())
