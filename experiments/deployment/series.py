"""Measuring a model with several serving backends, which take turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np

from experiments.deployment.arrivals import UnderLoad, poisson_arrivals
from experiments.deployment.backend_process import BackendProcess
from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import (
    BACKENDS,
    BackendFailed,
    BackendInputs,
    Inputs,
    Outputs,
    ServingBackend,
)
from experiments.deployment.load import Throughput
from experiments.deployment.original import load_test_set
from experiments.deployment.scoring import Scoring
from experiments.deployment.service import Point, ProcessFigures, Service
from experiments.deployment.settings import DeploymentSettings
from experiments.experiment import Refused
from experiments.networks.datasets.splitting import Rows
from experiments.recorder import Source
from experiments.runtime.subprocesses import device_in_use

INSTALL = "pip install 'tensorflow-lab-bench[{}]'"

Say = Callable[[str, float, str], None]
"""Takes a backend's name, how far it is from 0 to 1, and what is known of it."""


@dataclass
class DeploymentSeries:
    """The model, its test set, and the backends measured so far. Leaving the ``with`` block ends all processes."""

    settings: DeploymentSettings
    source: Source
    by_backend: dict[str, Service] = field(default_factory=dict)
    """Backend -> its measurements so far."""
    not_measured: dict[str, str] = field(default_factory=dict)
    """Backend -> why it has no figures."""
    scoring: Scoring | None = None
    """How outputs are held against the test set's labels; None without labels."""

    @property
    def services(self) -> list[Service]:
        """The backends measured so far, in their usual order."""
        return [self.by_backend[name] for name in BACKENDS if name in self.by_backend]

    @property
    def measure_of_quality(self) -> str:
        """The name of a service's quality."""
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
        self.test_set = load_test_set(self.source, taken, settings.examples, settings.seed)
        self._inputs = BackendInputs(self.source.model, self._folder / "calibration.npy", self.source.mlflow_model)
        np.save(self._inputs.calibration, _of_numpy(self.test_set.calibration))
        try:
            self._reference = self._original.call(BackendWorker.predict, self.test_set.inputs)
        except BackendFailed as failed:
            raise Refused(f"{self.source.title} cannot answer {self.test_set.title}: {failed}") from None
        if problem := _no_numbers(self._reference, self.test_set.rows):
            raise Refused(f"{self.source.title} cannot be compared: for {self.test_set.title} {problem}")
        self.scoring = self.test_set.scoring(self._reference)
        self.original_quality = self._quality(self._reference)

    def _unloaded(self, failed: str) -> str:
        """Say why the original cannot be loaded, by the name that the user gave it and not that of a copy."""
        if str(self.source.model).startswith(self.source.title):  # it was named by its path
            return failed
        named = failed.replace(str(self.source.model), self.source.title)
        return named if named != failed else f"{self.source.title} cannot be loaded: {failed}"

    def measure(self, say: Say) -> Iterator[Service | None]:
        """Measure each backend in several fresh processes; yield it after each of them, None once it is left out.

        In each round all backends have a turn, in random order: a drift of the machine affects all alike, and what is
        compared are processes of the same round. ``say`` is called between timings, never during one.
        """
        artifacts = dict(self._artifacts(say))
        self._end_original()  # nothing else runs while something is timed
        for number in range(self.settings.processes):
            for name in random.Random(f"{self.settings.seed} {number}").sample(list(artifacts), len(artifacts)):
                if name not in self.not_measured:
                    yield self._turn(BACKENDS[name], artifacts[name], number, say)

    def files(self, backend: type[ServingBackend]) -> Iterator[tuple[str, bytes]]:
        """Yield the files that a backend has served: their paths below the run's artifacts, and their content."""
        artifact = self._folder / backend.artifact
        for path in [artifact] if artifact.is_file() else sorted(artifact.rglob("*")):
            if path.is_file():
                yield path.relative_to(self._folder).as_posix(), path.read_bytes()

    def _artifacts(self, say: Say) -> Iterator[tuple[str, Path]]:
        """Make the artifacts; yield those that could be made, by the names of their backends."""
        for name, backend in BACKENDS.items():
            if name not in self.settings.ways:
                continue
            say(name, 0.0, "is made from the original")
            try:
                if missing := backend.missing():
                    raise BackendFailed(f"{', '.join(missing)} not installed; {INSTALL.format(backend.extra)}")
                yield name, self._make(backend)
            except BackendFailed as failed:
                self._end_original()  # it may have crashed, or still be busy with this backend
                self._leave_out(name, failed, say)

    def _turn(self, backend: type[ServingBackend], artifact: Path, number: int, say: Say) -> Service | None:
        """Measure a backend in one process. One that fails in its first round has no further ones."""
        service = self.by_backend.get(backend.name)
        try:
            with self._started(backend, artifact) as (process, startup):
                if service is None:
                    service = self._service(backend, artifact, process)
                figures = self._figures(backend, process, startup, number, say)
        except BackendFailed as failed:
            if (known := self.by_backend.get(backend.name)) is None:
                self._leave_out(backend.name, failed, say)
            else:
                known.failures[number] = str(failed)
            return known
        service.processes[number] = figures
        self.by_backend[backend.name] = service
        return service

    def _leave_out(self, name: str, failed: BackendFailed, say: Say) -> None:
        self.not_measured[name] = str(failed)
        say(name, 1.0, f"not measured: {failed}")

    def _service(self, backend: type[ServingBackend], artifact: Path, process: BackendProcess) -> Service:
        """Return what is the same in all processes of a backend."""
        outputs = process.call(BackendWorker.predict, self.test_set.inputs)
        difference = _difference(outputs, self._reference, self.test_set.rows)
        remark = process.call(BackendWorker.remark)
        return Service(backend, _size(artifact), difference, self._quality(outputs), remark)

    def _figures(
        self, backend: type[ServingBackend], process: BackendProcess, startup: float, number: int, say: Say
    ) -> ProcessFigures:
        """Measure a backend in a process that has started."""
        inputs, seconds, points = self.test_set.inputs, self.settings.seconds_of_one_process, self.settings.points()
        title = f"process {number + 1} of {self.settings.processes}"
        rates, load_seconds = self.settings.rates, self.settings.load_seconds / self.settings.processes
        steps = len(points) + len(rates) + 2

        def done(step: int, text: str) -> None:
            say(backend.name, (number + step / steps) / self.settings.processes, f"{title}: {text}")

        done(1, f"up after {startup:.1f} s")
        latency, answered = process.call(BackendWorker.latency, inputs, seconds), dict[Point, Throughput]()
        for batch, clients in points:
            done(2 + len(answered), f"{latency.p50_ms:.3g} ms a call")
            answered[batch, clients] = process.call(BackendWorker.throughput, inputs, batch, clients, seconds)
        under_load = dict[int, UnderLoad]()
        for rate in rates:
            done(2 + len(points) + len(under_load), f"{rate:,} requests a second arrive")
            arrivals = poisson_arrivals(rate, load_seconds, [self.settings.seed, number, rate])
            under_load[rate] = process.call(BackendWorker.under_load, inputs, arrivals, max(self.settings.clients))
        return ProcessFigures(startup, latency, answered, under_load)

    def _quality(self, outputs: Outputs) -> float | None:
        return None if self.scoring is None else self.scoring.quality(outputs)

    @contextmanager
    def _started(self, backend: type[ServingBackend], artifact: Path) -> Iterator[tuple[BackendProcess, float]]:
        """Yield a process that serves with this backend, and the seconds it took to start."""
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


def _difference(outputs: Outputs, reference: Outputs, rows: Rows) -> float:
    if outputs.shape != reference.shape:
        raise BackendFailed(f"its outputs have the shape {outputs.shape}, the original's {reference.shape}")
    if problem := _no_numbers(outputs, rows):
        raise BackendFailed(f"{problem}, where the original's are numbers")
    return float(np.max(np.abs(outputs.astype(np.float64) - reference.astype(np.float64))))


def _no_numbers(outputs: Outputs, rows: Rows) -> str:
    """Say which outputs, those for ``rows`` of the test set, are NaN or infinite; nothing if none are."""
    wrong = ~np.isfinite(outputs.astype(np.float64)).reshape(len(outputs), -1).all(axis=1)
    if not wrong.any():
        return ""
    first = rows[wrong.argmax()]
    return f"{wrong.sum():,} of {len(outputs):,} outputs hold NaN or infinity, first that of example {first}"


def _size(artifact: Path) -> int:
    if artifact.is_file():
        return artifact.stat().st_size
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())
