"""The experiment ``deployment``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.backends import BACKENDS
from experiments.deployment.load_figure import load_figure
from experiments.deployment.plots import latency_figure
from experiments.deployment.scores import LOSS, SAME
from experiments.deployment.series import DeploymentSeries
from experiments.deployment.service import Service
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.sustained import Sustained
from experiments.experiment import Experiment, Refused, Tolerance
from experiments.recorder import Recorder
from experiments.runtime.device import current


@dataclass
class Deployment(DeploymentSettings, Experiment):
    """One trained model, served in several ways: how large, how quick, how far from the original?"""

    name: ClassVar[str] = "deployment"
    version: ClassVar[int] = 5
    headline: ClassVar[tuple[str, ...]] = tuple(f"latency/p50_ms/{name}" for name in BACKENDS)
    sources: ClassVar[tuple[str, ...]] = ("source",)

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow what counts as the same when a backend is held against the original."""
        return {
            "test/accuracy/*": Tolerance(absolute=LOSS),
            "test/mean_absolute_error/*": Tolerance(relative=LOSS),
            "difference/max/*": Tolerance(absolute=SAME),
        }

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
                    _record_tables(answer, recorder)
                    if service:
                        _record_files(service, series, recorder)
                        done = len(service.processes) + len(service.failures)
                        recorder.progress(service.backend.name, done / self.processes, answer.in_short(service))
        finally:  # the processes are gone
            if series.services or series.not_measured:
                _record_tables(answer, recorder)
                for service in series.services:
                    _record_metrics(service, series.measure_of_quality, recorder)
                _record_load(answer.sustained, recorder)
                recorder.note(answer.note())
                recorder.measured()
            if series.services:
                recorder.figure("latency", partial(latency_figure, answer))
            if self.rates and series.services:
                recorder.figure("load", partial(load_figure, answer))
        if not series.services:
            raise Refused(f"no way could be measured: {next(iter(series.not_measured.values()))}")


def _record_tables(answer: DeploymentAnswer, recorder: Recorder) -> None:
    recorder.table("results", answer.rows())
    recorder.table("throughput", answer.throughput_rows())
    recorder.table("samples", answer.sample_rows())
    if load := list(answer.sustained.rows()):
        recorder.table("load", load)


def _record_metrics(service: Service, measure_of_quality: str, recorder: Recorder) -> None:
    """Record the metrics of a backend. They wait for the end: the store keeps every value of a metric."""
    name = service.backend.name
    metrics = {
        "size/bytes": service.size_bytes,
        "startup/seconds": service.startup_seconds.value,
        "latency/p50_ms": service.p50_ms.value,
        "latency/p95_ms": service.p95_ms.value,
        "latency/p99_ms": service.p99_ms.value,
        "difference/max": service.difference,
    }
    for metric, value in metrics.items():
        recorder.metric(f"{metric}/{name}", value)
    if service.quality is not None:
        recorder.metric(f"test/{measure_of_quality.replace(' ', '_')}/{name}", service.quality)
    for (batch, clients), rate in service.throughput.items():
        of_clients = "" if clients == 1 else f"_{clients}_clients"
        recorder.metric(f"throughput/examples_per_s{of_clients}/{name}", rate.value, step=batch)


def _record_load(sustained: Sustained, recorder: Recorder) -> None:
    for service in sustained.services:
        for rate, found in service.under_load.items():
            recorder.metric(f"load/p50_ms/{service.backend.name}", found.p50_ms.value, step=rate)
            recorder.metric(f"load/p99_ms/{service.backend.name}", found.p99_ms.value, step=rate)
        if highest := sustained.highest(service):
            recorder.metric(f"load/sustained_per_s/{service.backend.name}", highest)


def _record_files(service: Service, series: DeploymentSeries, recorder: Recorder) -> None:
    """Record the files that a backend serves, after its first process."""
    if service.backend.is_kept and len(service.processes) == 1:
        for path, content in series.files(service.backend):
            recorder.file(path, content)
