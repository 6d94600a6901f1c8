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
    Outputs,
    ServingBackend,
)
from experiments.deployment.load import Latency
from experiments.deployment.original import load_test_set
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
    """See :meth:`experiments.deployment.original.TestSet.quality`."""


@dataclass
class DeploymentSeries:
    """The model, its test set, and the backends measured so far. Leaving the ``with`` block ends all processes."""

    settings: DeploymentSettings
    source: Source
    services: list[Service] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Backend -> why it has no figures."""

    def __enter__(self) -> DeploymentSeries:
        self._scratch = TemporaryDirectory(prefix="deployment-")
        self._folder = Path(self._scratch.name)
        self._original: BackendProcess | None = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._original is not None:
            self._original.close()
        self._scratch.cleanup()

    def begin(self) -> None:
        """Start the original and load its test set. Raises Refused if the model cannot be used at all."""
        settings = self.settings
        self._original = BackendProcess(settings.timeout)
        try:
            self._original.call(BackendWorker.load, self.source.model, device_in_use())
            self.parameters, shape, dtype = self._original.call(BackendWorker.describe)
            self._original.call(BackendWorker.predict, np.zeros((1, *shape), dtype))
            self._original_startup = self._original.since_began()
        except BackendFailed as failed:
            raise Refused(f"{self.source.title} cannot be loaded: {failed}") from None
        self.test_set = load_test_set(self.source, shape, dtype, settings.examples, settings.seed)
        self._inputs = BackendInputs(self.source.model, self._folder / "calibration.npy", self.source.mlflow_model)
        np.save(self._inputs.calibration, self.test_set.calibration)
        try:
            self._reference = self._original.call(BackendWorker.predict, self.test_set.inputs)
            self.original_quality = self.test_set.quality(self._reference)
        except BackendFailed as failed:
            raise Refused(f"{self.source.title} cannot predict for its test set: {failed}") from None

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
            say(backend.name, 0.4, f"up after {startup:.1f} s")
            latency = process.call(BackendWorker.latency, inputs, seconds)
            points, rates = self.settings.points(), dict[tuple[int, int], float]()
            for batch, clients in points:
                say(backend.name, 0.5 + 0.5 * len(rates) / len(points), f"{latency.p50_ms:.3g} ms a call")
                rates[batch, clients] = process.call(BackendWorker.throughput, inputs, batch, clients, seconds)
        return Service(backend, _size(artifact), startup, latency, rates, difference, self.test_set.quality(outputs))

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
        """Have the original's process make the artifact; a process that fails is replaced, it may have crashed."""
        assert self._original is not None
        target = self._folder / backend.artifact
        try:
            self._original.call(BackendWorker.make, backend.name, self._inputs, target)
        except BackendFailed as failed:
            self._original.close()
            self._original = BackendProcess(self.settings.timeout)
            self._original.call(BackendWorker.load, self.source.model, device_in_use())
            raise BackendFailed(f"it cannot be made from the original: {failed}") from None
        return target


def _difference(outputs: Outputs, reference: Outputs) -> float:
    if outputs.shape != reference.shape:
        raise BackendFailed(f"its outputs have the shape {outputs.shape}, the original's {reference.shape}")
    return float(np.max(np.abs(outputs.astype(np.float64) - reference.astype(np.float64))))


def _size(artifact: Path) -> int:
    if artifact.is_file():
        return artifact.stat().st_size
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())
