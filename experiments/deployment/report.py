"""Recording the backends while they are measured: their metrics, tables, files and figures."""

from __future__ import annotations

from functools import partial

from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.backend_result import BackendResult
from experiments.deployment.load_figure import load_figure
from experiments.deployment.original import Original
from experiments.deployment.plots import latency_figure
from experiments.deployment.series import DeploymentSeries
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.sustained import Sustained
from experiments.deployment.workshop import Workshop
from experiments.experiment import Refused
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
        self._series = DeploymentSeries(settings, original, workshop)

    def run(self) -> None:
        """Measure the backends; what has been measured is recorded also where an exception ends it.

        Raises Refused if no backend could be measured.
        """
        try:
            for result in self._series.measure(self._recorder.progress):
                answer = self._answer()
                _record_tables(answer, self._recorder)
                if result:
                    self._record_files(result)
                    done = len(result.processes) + len(result.failures)
                    share = done / self._settings.processes
                    self._recorder.progress(result.backend.name, share, answer.in_short(result))
        finally:
            self._workshop.close()  # its room is free before anything else is written
            self._conclude(self._answer())
        if not self._series.results:
            raise Refused(f"no way could be measured: {next(iter(self._series.not_measured.values()))}")

    def _answer(self) -> DeploymentAnswer:
        """The answer of the backends measured so far."""
        return DeploymentAnswer(
            self._settings, self._original, self._series.results, self._series.not_measured, self._placement
        )

    def _record_files(self, result: BackendResult) -> None:
        """Record the files that a backend serves, after its first process."""
        if result.backend.is_kept and len(result.processes) == 1:
            for path, content in self._workshop.files(result.backend):
                self._recorder.file(path, content)

    def _conclude(self, answer: DeploymentAnswer) -> None:
        """Record what all backends have come to; nothing where none has been tried."""
        recorder = self._recorder
        if answer.results or answer.not_measured:
            _record_tables(answer, recorder)
            for result in answer.results:
                _record_metrics(result, self._original.measure_of_quality, recorder)
            _record_load(answer.sustained, recorder)
            recorder.note(answer.note())
            recorder.measured()
        if answer.results:
            recorder.figure("latency", partial(latency_figure, answer))
        if self._settings.rates and answer.results:
            recorder.figure("load", partial(load_figure, answer))


def _record_tables(answer: DeploymentAnswer, recorder: Recorder) -> None:
    recorder.table("results", answer.rows())
    recorder.table("throughput", answer.throughput_rows())
    recorder.table("samples", answer.sample_rows())
    if load := list(answer.sustained.rows()):
        recorder.table("load", load)


def _record_metrics(result: BackendResult, measure_of_quality: str, recorder: Recorder) -> None:
    """Record the metrics of a backend. They wait for the end: the store keeps every value of a metric."""
    name = result.backend.name
    metrics = {
        "size/bytes": result.size_bytes,
        "startup/seconds": result.startup_seconds.value,
        "latency/p50_ms": result.p50_ms.value,
        "latency/p95_ms": result.p95_ms.value,
        "latency/p99_ms": result.p99_ms.value,
        "difference/max": result.difference,
    }
    for metric, value in metrics.items():
        recorder.metric(f"{metric}/{name}", value)
    if result.quality is not None:
        recorder.metric(f"test/{measure_of_quality.replace(' ', '_')}/{name}", result.quality)
    for (batch, clients), rate in result.throughput.items():
        of_clients = "" if clients == 1 else f"_{clients}_clients"
        recorder.metric(f"throughput/examples_per_s{of_clients}/{name}", rate.value, step=batch)


def _record_load(sustained: Sustained, recorder: Recorder) -> None:
    for result in sustained.results:
        for rate, found in result.under_load.items():
            recorder.metric(f"load/p50_ms/{result.backend.name}", found.p50_ms.value, step=rate)
            recorder.metric(f"load/p99_ms/{result.backend.name}", found.p99_ms.value, step=rate)
        if highest := sustained.highest(result):
            recorder.metric(f"load/sustained_per_s/{result.backend.name}", highest)
