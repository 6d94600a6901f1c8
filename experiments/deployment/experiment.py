"""The experiment ``deployment``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.plots import latency_figure
from experiments.deployment.series import DeploymentSeries, Service
from experiments.deployment.ways import WAYS
from experiments.experiment import Experiment, Refused
from experiments.recorder import Recorder
from experiments.validators import InvalidField, require_at_least, require_seed, suggestion


@dataclass
class Deployment(Experiment):
    """One trained model, served in several ways: how large, how quick, how far from the original?"""

    name: ClassVar[str] = "deployment"
    version: ClassVar[int] = 2
    headline: ClassVar[tuple[str, ...]] = tuple(f"latency/p50_ms/{way}" for way in WAYS)
    sources: ClassVar[tuple[str, ...]] = ("source",)

    source: str = "latest"
    ways: list[str] = field(default_factory=lambda: list(WAYS))
    batch_sizes: list[int] = field(default_factory=lambda: [1, 32, 256])
    clients: list[int] = field(default_factory=lambda: [1, 4])
    seconds: float = 0.4
    examples: int | None = 1000
    timeout: float = 180.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InvalidField(self, "source", "is empty; name a model, a run or a file, or write latest")
        for name in ("ways", "batch_sizes", "clients"):
            values = getattr(self, name)
            if not values:
                raise InvalidField(self, name, "is empty; give at least one")
            if len(set(values)) < len(values):
                raise InvalidField(self, name, f"{values} has something twice")
        for way in self.ways:
            if way not in WAYS:
                raise InvalidField(self, "ways", f"{way!r} is not one of {', '.join(WAYS)}{suggestion(way, WAYS)}")
        for size in self.batch_sizes:
            if not 1 <= size <= 65536:
                raise InvalidField(self, "batch_sizes", f"{size} is not a whole number from 1 to 65536")
        for count in self.clients:
            if not 1 <= count <= 256:
                raise InvalidField(self, "clients", f"{count} is not a whole number from 1 to 256")
        require_at_least(self, "seconds", 0.01)
        require_at_least(self, "timeout", 1)
        require_at_least(self, "examples", 1)
        require_seed(self)

    def points(self) -> list[tuple[int, int]]:
        """The pairs of batch size and number of clients at which throughput is measured."""
        return [(batch, clients) for clients in sorted(self.clients) for batch in sorted(self.batch_sizes)]

    def run(self, recorder: Recorder) -> None:
        source = recorder.fetch(self.source)
        recorder.progress("original", 0.0, source.title)
        series = DeploymentSeries(self, source)
        try:
            with series:
                series.begin()
                recorder.progress("original", 1.0, f"{source.title}: {series.parameters:,} parameters")
                for service in series.measure(recorder.progress):
                    if service:
                        _record(service, series, recorder)
                    recorder.table("results", DeploymentAnswer(series).rows())
                    if service:
                        recorder.progress(service.way.name, 1.0, DeploymentAnswer(series).in_short(service))
        finally:  # the processes are gone
            if series.services or series.not_measured:
                answer = DeploymentAnswer(series)
                recorder.table("results", answer.rows())
                recorder.table("throughput", answer.throughput_rows())
                recorder.note(answer.note())
                recorder.measured()
            if series.services:
                recorder.figure("latency", latency_figure(answer))
        if not series.services:
            raise Refused(f"no way could be measured: {next(iter(series.not_measured.values()))}")


def _record(service: Service, series: DeploymentSeries, recorder: Recorder) -> None:
    """A new way's metrics and files."""
    name, latency = service.way.name, service.latency
    metrics = {
        "size/bytes": service.size_bytes,
        "startup/seconds": service.startup_seconds,
        "latency/p50_ms": latency.p50_ms,
        "latency/p95_ms": latency.p95_ms,
        "latency/p99_ms": latency.p99_ms,
        "difference/max": service.difference,
    }
    for metric, value in metrics.items():
        recorder.metric(f"{metric}/{name}", value)
    if service.quality is not None:
        recorder.metric(f"test/{series.test_set.measure_of_quality.replace(' ', '_')}/{name}", service.quality)
    for (batch, clients), rate in service.throughput.items():
        of_clients = "" if clients == 1 else f"_{clients}_clients"
        recorder.metric(f"throughput/examples_per_s{of_clients}/{name}", rate, step=batch)
    if service.way.is_kept:
        for path, content in series.files(service.way):
            recorder.file(path, content)
