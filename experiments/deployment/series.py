"""Measuring a model with several serving backends, which take turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from experiments.deployment.arrivals import UnderLoad, poisson_arrivals
from experiments.deployment.backend_process import BackendProcess
from experiments.deployment.backend_result import BackendResult, Point, ProcessResult
from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import BACKENDS, BackendFailed, ServingBackend
from experiments.deployment.load import Throughput
from experiments.deployment.original import Original
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.workshop import Workshop
from experiments.runtime.subprocesses import device_in_use

INSTALL = "pip install 'tensorflow-lab-bench[{}]'"

Say = Callable[[str, float, str], None]
"""Takes a backend's name, how far it is from 0 to 1, and what is known of it."""


class DeploymentSeries:
    """The backends of one original, and what has been measured of them so far."""

    def __init__(self, settings: DeploymentSettings, original: Original, workshop: Workshop) -> None:
        """``workshop`` is the one that has examined the original."""
        self._settings, self._original, self._workshop = settings, original, workshop
        self._by_backend = dict[str, BackendResult]()
        self.not_measured = dict[str, str]()
        """Backend -> why it has no figures."""

    @property
    def results(self) -> list[BackendResult]:
        """The backends measured so far, in their usual order."""
        return [self._by_backend[name] for name in BACKENDS if name in self._by_backend]

    def measure(self, say: Say) -> Iterator[BackendResult | None]:
        """Measure each backend in several fresh processes; yield it after each of them, None once it is left out.

        In each round all backends have a turn, in random order: a drift of the machine affects all alike, and what is
        compared are processes of the same round. ``say`` is called between timings, never during one.
        """
        try:
            artifacts = dict(self._artifacts(say))
        finally:
            self._workshop.end_process()  # nothing else runs while something is timed, or recorded
        for number in range(self._settings.processes):
            for name in random.Random(f"{self._settings.seed} {number}").sample(list(artifacts), len(artifacts)):
                if name not in self.not_measured:
                    yield self._turn(BACKENDS[name], artifacts[name], number, say)

    def _artifacts(self, say: Say) -> Iterator[tuple[str, Path]]:
        """Make the artifacts; yield those that could be made, by the names of their backends."""
        for name, backend in BACKENDS.items():
            if name not in self._settings.ways:
                continue
            say(name, 0.0, "is made from the original")
            try:
                if missing := backend.missing():
                    raise BackendFailed(f"{', '.join(missing)} not installed; {INSTALL.format(backend.extra)}")
                yield name, self._workshop.make(backend)
            except BackendFailed as failed:
                self._workshop.end_process()  # it may have crashed, or still be busy with this backend
                self._leave_out(name, failed, say)

    def _turn(self, backend: type[ServingBackend], artifact: Path, number: int, say: Say) -> BackendResult | None:
        """Measure a backend in one process. One that fails in its first round has no further ones."""
        result = self._by_backend.get(backend.name)
        try:
            with self._started(backend, artifact) as (process, startup):
                if result is None:
                    result = self._result(backend, artifact, process)
                figures = self._figures(backend, process, startup, number, say)
        except BackendFailed as failed:
            if (known := self._by_backend.get(backend.name)) is None:
                self._leave_out(backend.name, failed, say)
            else:
                known.failures[number] = str(failed)
            return known
        result.processes[number] = figures
        self._by_backend[backend.name] = result
        return result

    def _leave_out(self, name: str, failed: BackendFailed, say: Say) -> None:
        self.not_measured[name] = str(failed)
        say(name, 1.0, f"not measured: {failed}")

    def _result(self, backend: type[ServingBackend], artifact: Path, process: BackendProcess) -> BackendResult:
        """Return what is the same in all processes of a backend."""
        original = self._original
        outputs = process.call(BackendWorker.predict, original.test_set.inputs)
        difference, quality = original.difference(outputs), original.quality_of(outputs)
        return BackendResult(backend, _size(artifact), difference, quality, process.call(BackendWorker.remark))

    def _figures(
        self, backend: type[ServingBackend], process: BackendProcess, startup: float, number: int, say: Say
    ) -> ProcessResult:
        """Measure a backend in a process that has started."""
        settings, inputs = self._settings, self._original.test_set.inputs
        seconds, points = settings.seconds_of_one_process, settings.points()
        title = f"process {number + 1} of {settings.processes}"
        rates, load_seconds = settings.rates, settings.load_seconds / settings.processes
        steps = len(points) + len(rates) + 2

        def done(step: int, text: str) -> None:
            say(backend.name, (number + step / steps) / settings.processes, f"{title}: {text}")

        done(1, f"up after {startup:.1f} s")
        latency, answered = process.call(BackendWorker.latency, inputs, seconds), dict[Point, Throughput]()
        for batch, clients in points:
            done(2 + len(answered), f"{latency.p50_ms:.3g} ms a call")
            answered[batch, clients] = process.call(BackendWorker.throughput, inputs, batch, clients, seconds)
        under_load = dict[int, UnderLoad]()
        for rate in rates:
            done(2 + len(points) + len(under_load), f"{rate:,} requests a second arrive")
            arrivals = poisson_arrivals(rate, load_seconds, [settings.seed, number, rate])
            under_load[rate] = process.call(BackendWorker.under_load, inputs, arrivals, max(settings.clients))
        return ProcessResult(startup, latency, answered, under_load)

    @contextmanager
    def _started(self, backend: type[ServingBackend], artifact: Path) -> Iterator[tuple[BackendProcess, float]]:
        """Yield a process that serves with this backend, and the seconds it took to start."""
        with closing(BackendProcess(self._settings.timeout)) as process:
            example = self._original.test_set.inputs[:1]
            seconds = process.call(BackendWorker.start, backend.name, artifact, device_in_use(), example)
            yield process, process.since_began() if seconds is None else seconds


def _size(artifact: Path) -> int:
    if artifact.is_file():
        return artifact.stat().st_size
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())
