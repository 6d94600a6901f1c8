"""The experiment ``deployment``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.backends import BACKENDS
from experiments.deployment.plots import latency_figure
from experiments.deployment.series import DeploymentSeries, Service
from experiments.deployment.settings import DeploymentSettings
from experiments.experiment import Experiment, Refused
from experiments.recorder import Recorder
from experiments.runtime.device import current


@dataclass
class Deployment(DeploymentSettings, Experiment):
    """One trained model, served in several ways: how large, how quick, how far from the original?"""

    name: ClassVar[str] = "deployment"
    version: ClassVar[int] = 3
    headline: ClassVar[tuple[str, ...]] = tuple(f"latency/p50_ms/{name}" for name in BACKENDS)
    sources: ClassVar[tuple[str, ...]] = ("source",)

    def run(self, recorder: Recorder) -> None:
        source = recorder.fetch(self.source)
        recorder.progress("original", 0.0, source.title)
        series = DeploymentSeries(self, source)
        answer = DeploymentAnswer(series, current().title)
        try:
            with series:
                series.begin()
                recorder.progress("original", 1.0, f"{source.title}: {series.parameters:,} parameters")
                for service in series.measure(recorder.progress):
                    if service:
                        _record(service, series, recorder)
                    recorder.table("results", answer.rows())
                    if service:
                        recorder.progress(service.backend.name, 1.0, answer.in_short(service))
        finally:  # the processes are gone
            if series.services or series.not_measured:
                recorder.table("results", answer.rows())
                recorder.table("throughput", answer.throughput_rows())
                recorder.note(answer.note())
                recorder.measured()
            if series.services:
                recorder.figure("latency", partial(latency_figure, answer))
        if not series.services:
            raise Refused(f"no way could be measured: {next(iter(series.not_measured.values()))}")


def _record(service: Service, series: DeploymentSeries, recorder: Recorder) -> None:
    """Record the metrics and the files of a backend that has just been measured."""
    name, latency = service.backend.name, service.latency
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
        recorder.metric(f"test/{series.measure_of_quality.replace(' ', '_')}/{name}", service.quality)
    for (batch, clients), rate in service.throughput.items():
        of_clients = "" if clients == 1 else f"_{clients}_clients"
        recorder.metric(f"throughput/examples_per_s{of_clients}/{name}", rate, step=batch)
    if service.backend.is_kept:
        for path, content in series.files(service.backend):
            recorder.file(path, content)
