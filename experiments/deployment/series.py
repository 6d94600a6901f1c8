"""Taking a model through its ways of being served, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from experiments.deployment.load import Latency
from experiments.deployment.original import load_test_set
from experiments.deployment.ways import ORIGINAL, WAYS, Given, Outputs, Way, WayFailed
from experiments.deployment.worker import Worker
from experiments.deployment.worker_process import WorkerProcess
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime.device import Device, current
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    from experiments.deployment.experiment import Deployment

INSTALL = "pip install 'tensorflow-lab-bench[deployment]'"


@dataclass(frozen=True)
class Service:
    """One way of serving the model, measured."""

    way: type[Way]
    size_bytes: int
    startup_seconds: float
    """From the start of its process to the first answer."""
    latency: Latency
    throughput: dict[tuple[int, int], float]
    """(batch size, clients) -> examples a second."""
    difference: float
    """The largest of any output from the original's."""
    quality: float | None
    """See :meth:`TestSet.quality`."""


@dataclass
class DeploymentSeries:
    """The model, its test set, and what of its ways is known so far. A context: leaving it ends all processes."""

    deployment: Deployment
    source: Source
    services: list[Service] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Why a way has no figures."""

    def __enter__(self) -> DeploymentSeries:
        self._scratch = TemporaryDirectory(prefix="deployment-")
        self._folder = Path(self._scratch.name)
        self._original: WorkerProcess | None = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._original is not None:
            self._original.close()
        self._scratch.cleanup()

    def begin(self) -> None:
        """Starts the original and loads its test set. Raises Refused where the model cannot be used at all."""
        deployment = self.deployment
        self._original = WorkerProcess(deployment.timeout)
        try:
            self._original.call(Worker.load, self.source.model, _device_here())
            self.parameters, shape, dtype = self._original.call(Worker.describe)
            self._original.call(Worker.predict, np.zeros((1, *shape), dtype))
            self._original_startup = self._original.since_began()
        except WayFailed as failed:
            raise Refused(f"{self.source.title} cannot be loaded: {failed}") from None
        self.test_set = load_test_set(self.source, shape, dtype, deployment.examples, deployment.seed)
        self._given = Given(self.source.model, self._folder / "calibration.npy", self.source.mlflow_model)
        np.save(self._given.calibration, self.test_set.calibration)
        try:
            self._reference = self._original.call(Worker.predict, self.test_set.inputs)
            self.original_quality = self.test_set.quality(self._reference)
        except WayFailed as failed:
            raise Refused(f"{self.source.title} cannot predict for its test set: {failed}") from None

    def measure(self, say: Callable[[str, float, str], None]) -> Iterator[Service | None]:
        """Each way in turn, None for one that could not be measured; ``say(way, fraction, text)`` between timings."""
        for name in WAYS:
            if name not in self.deployment.ways:
                continue
            try:
                service = self._measure(WAYS[name], say)
            except WayFailed as failed:
                self.not_measured[name] = str(failed)
                say(name, 1.0, f"not measured: {failed}")
                yield None
            else:
                self.services.append(service)
                yield service

    def files(self, way: type[Way]) -> Iterator[tuple[str, bytes]]:
        """What a way has served, file by file with the paths below the run's artifacts."""
        artifact = self._folder / way.artifact
        for path in [artifact] if artifact.is_file() else sorted(artifact.rglob("*")):
            if path.is_file():
                yield path.relative_to(self._folder).as_posix(), path.read_bytes()

    def _measure(self, way: type[Way], say: Callable[[str, float, str], None]) -> Service:
        if missing := way.missing():
            raise WayFailed(f"{', '.join(missing)} not installed; {INSTALL}")
        deployment, inputs = self.deployment, self.test_set.inputs
        say(way.name, 0.0, "made from the original")
        artifact = self._make(way)
        say(way.name, 0.2, "starts")
        with self._started(way, artifact) as (worker, startup):
            outputs = worker.call(Worker.predict, inputs)
            difference = _difference(outputs, self._reference)
            say(way.name, 0.4, f"up after {startup:.1f} s")
            latency = worker.call(Worker.latency, inputs, deployment.seconds)
            points, rates = deployment.points(), dict[tuple[int, int], float]()
            for batch, clients in points:
                say(way.name, 0.5 + 0.5 * len(rates) / len(points), f"{latency.p50_ms:.3g} ms a call")
                rates[batch, clients] = worker.call(Worker.throughput, inputs, batch, clients, deployment.seconds)
        return Service(way, _size(artifact), startup, latency, rates, difference, self.test_set.quality(outputs))

    @contextmanager
    def _started(self, way: type[Way], artifact: Path) -> Iterator[tuple[WorkerProcess, float]]:
        """A process that serves this way, and the seconds it took to start; the original's is there already."""
        if way is ORIGINAL:
            assert self._original is not None
            yield self._original, self._original_startup
            return
        with WorkerProcess(self.deployment.timeout) as worker:
            example = self.test_set.inputs[:1]
            seconds = worker.call(Worker.start, way.name, artifact, _device_here(), example)
            yield worker, worker.since_began() if seconds is None else seconds

    def _make(self, way: type[Way]) -> Path:
        """Made by the original's process, which is replaced where a converter takes it along."""
        assert self._original is not None
        target = self._folder / way.artifact
        try:
            self._original.call(Worker.make, way.name, self._given, target)
        except WayFailed as failed:
            self._original.close()
            self._original = WorkerProcess(self.deployment.timeout)
            self._original.call(Worker.load, self.source.model, _device_here())
            raise WayFailed(f"it cannot be made from the original: {failed}") from None
        return target


def _device_here() -> Device:
    """Device and threads of this process, for others."""
    threading, placement = import_tensorflow().config.threading, current()
    return Device(
        kind="gpu" if placement.is_gpu else "cpu",
        index=int(placement.actual.rpartition(":")[2]) if placement.is_gpu else 0,
        intra_op_threads=threading.get_intra_op_parallelism_threads() or None,
        inter_op_threads=threading.get_inter_op_parallelism_threads() or None,
    )


def _difference(outputs: Outputs, reference: Outputs) -> float:
    if outputs.shape != reference.shape:
        raise WayFailed(f"its outputs have the shape {outputs.shape}, the original's {reference.shape}")
    return float(np.max(np.abs(outputs.astype(np.float64) - reference.astype(np.float64))))


def _size(artifact: Path) -> int:
    if artifact.is_file():
        return artifact.stat().st_size
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())
