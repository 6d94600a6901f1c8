"""Recording the backends while they are measured: their metrics, tables, files and figures."""

from __future__ import annotations

from functools import partial

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.load_figure import load_figure
from experiments.deployment.original import Original
from experiments.deployment.plots import latency_figure
from experiments.deployment.series import DeploymentSeries
from experiments.deployment.service import Service
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.sustained import Sustained
from experiments.deployment.workshop import Workshop
from experiments.recorder import Recorder


class DeploymentReport:
    """Records sizes, times and quality; the metrics of a backend end in its name, ``latency/p50_ms/onnx``."""

    def __init__(
        self,
        settings: DeploymentSettings,
        original: Original,
        workshop: Workshop,
        placement: str,
        recorder: Recorder,
    ) -> None:
        self._settings, self._original, self._workshop = settings, original, workshop
        self._placement, self._recorder = placement, recorder
        self.series = DeploymentSeries(settings, original, workshop)

    def run(self) -> None:
        """Measure the backends; what has been measured is recorded also where an exception ends it."""
        try:
            for service in self.series.measure(self._recorder.progress):
                answer = self._answer()
                _record_tables(answer, self._recorder)
                if service:
                    self._record_files(service)
                    done = len(service.processes) + len(service.failures)
                    share = done / self._settings.processes
                    self._recorder.progress(service.backend.name, share, answer.in_short(service))
        finally:  # no process is left
            self._conclude(self._answer())

    def _answer(self) -> DeploymentAnswer:
        """The answer of the backends measured so far."""
        return DeploymentAnswer(
            self._settings, self._original, self.series.services, self.series.not_measured, self._placement
        )

    def _record_files(self, service: Service) -> None:
        """Record the files that a backend serves, after its first process."""
        if service.backend.is_kept and len(service.processes) == 1:
            for path, content in self._workshop.files(service.backend):
                self._recorder.file(path, content)

    def _conclude(self, answer: DeploymentAnswer) -> None:
        """Record what all backends have come to; nothing where none has been tried."""
        recorder = self._recorder
        if answer.services or answer.not_measured:
            _record_tables(answer, recorder)
            for service in answer.services:
                _record_metrics(service, self._original.measure_of_quality, recorder)
            _record_load(answer.sustained, recorder)
            recorder.note(answer.note())
            recorder.measured()
        if answer.services:
            recorder.figure("latency", partial(latency_figure, answer))
        if self._settings.rates and answer.services:
            recorder.figure("load", partial(load_figure, answer))


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
