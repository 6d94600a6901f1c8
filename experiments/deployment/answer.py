"""The measured backends compared: as rows, and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from experiments.deployment.load import WANTED_CALLS
from experiments.deployment.scoring import Targets
from experiments.deployment.series import DeploymentSeries, Service
from experiments.networks.saving import checksums
from experiments.recorder import Cell, Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import duration

LOSS = 0.005
"""How much a backend may lose and still count as good as the original: half a percentage point of accuracy, or this
share of the mean absolute error."""

SAME = 1e-4
"""The same without labels: the largest difference of any output, about the rounding of float32."""


@dataclass(frozen=True)
class DeploymentAnswer:
    """The backends measured so far, compared. It follows the series: what is measured later is in it."""

    series: DeploymentSeries
    placement: str
    """The title of the device that computed: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""

    @property
    def services(self) -> list[Service]:
        return self.series.services

    def rows(self) -> list[Row]:
        """Return one row for each backend, measured or not."""
        missing: list[Row] = [
            {"way": name, "status": f"not measured: {reason}"} for name, reason in self.series.not_measured.items()
        ]
        return [*map(self._row, self.services), *missing]

    def throughput_rows(self) -> list[Row]:
        """Return one row for each backend, batch size and number of clients."""
        return [
            {"way": service.backend.name, "batch_size": batch, "clients": clients, "examples_per_s": rate}
            for service in self.services
            for (batch, clients), rate in service.throughput.items()
        ]

    def in_short(self, service: Service) -> str:
        """Return the figures of a backend in one line."""
        quality = "" if service.quality is None else f", {self.quality(service)}"
        return f"{duration(service.latency.p50_ms / 1e3)} a call, {size(service.size_bytes)}{quality}"

    def is_as_good(self, service: Service) -> bool:
        """Tell whether the backend loses at most :data:`LOSS` against the original, :data:`SAME` without labels."""
        original = self.series.original_quality
        if service.quality is None or original is None:
            return service.difference <= SAME
        if self._is_regression:
            return service.quality <= original * (1 + LOSS)
        return service.quality >= original - LOSS

    def quality(self, service: Service) -> str:
        """Return the accuracy or the mean absolute error in words, ``-`` without labels."""
        if service.quality is None:
            return "-"
        return self._in_words(service.quality)

    def note(self) -> str:
        """Return the answer in Markdown."""
        parts = [f"**{literal(self.series.source.title)}**, served on {self.placement}"]
        if self.services:
            test_set = self.series.test_set
            parts[0] += f": {self.series.parameters:,} parameters, {len(test_set.inputs):,} test examples."
            parts.append(markdown_table(list(map(self._table_row, self.services))))
        if len(self.services) > 1:
            parts.append("\n".join(self._advice()))
        parts += [f"Not measured: {name} - {literal(reason)}." for name, reason in self.series.not_measured.items()]
        if self.services:
            parts += [self._how_to_read(), self._tensorflow_serving()]
        return "\n\n".join(part for part in parts if part)

    def _row(self, service: Service) -> dict[str, Cell]:
        latency = service.latency
        row: dict[str, Cell] = {
            "way": service.backend.name,
            "status": "measured",
            "size_bytes": service.size_bytes,
            "startup_seconds": service.startup_seconds,
            "p50_ms": latency.p50_ms,
            "p95_ms": latency.p95_ms,
            "p99_ms": latency.p99_ms,
            "calls": latency.calls,
        }
        for (batch, clients), rate in service.throughput.items():
            row[f"examples_per_s_batch_{batch}_clients_{clients}"] = rate
        quality = self.series.measure_of_quality.replace(" ", "_")
        return row | {"difference_max": service.difference, quality: service.quality, "remark": service.remark or None}

    def _table_row(self, service: Service) -> dict[str, str]:
        latency, (point, rate) = service.latency, best_throughput(service)
        return {
            "way": service.backend.title,
            "size": _room(service),
            "start": _start(service),
            "p50": _call(service),
            "p95": duration(latency.p95_ms / 1e3),
            "p99": duration(latency.p99_ms / 1e3),
            "most examples/s": f"{rate:,.0f}",
            "at batch x clients": f"{point[0]} x {point[1]}",
            "largest difference": f"{service.difference:.1e}",
            self.series.measure_of_quality: self.quality(service),
        }

    def _advice(self) -> Iterator[str]:
        """Advise which backend to use when."""
        good = [service for service in self.services if self.is_as_good(service)]
        candidates = good or self.services
        quickest = min(candidates, key=lambda service: service.latency.p50_ms)
        smallest = min(candidates, key=lambda service: service.size_bytes)
        busiest = max(candidates, key=lambda service: best_throughput(service)[1])
        starter = min(candidates, key=lambda service: service.startup_seconds)
        yield f"Which to use when{'' if good else ' (all lose against the original)'}:"
        yield ""
        yield f"- one answer at a time, soon: {_named(quickest, candidates, _call)}"
        yield f"- many examples: {_named(busiest, candidates, _rate)}"
        yield f"- little room: {_named(smallest, candidates, _room)}{self._smaller_with_loss(smallest)}"
        yield f"- started for each request: {_named(starter, candidates, _start)} to the first answer"
        yield from self._over_http(quickest)

    def _smaller_with_loss(self, smallest: Service) -> str:
        """Name the backend that is smaller still but loses against the original, and say how much."""
        least = min(self.services, key=lambda service: service.size_bytes)
        if least.size_bytes >= smallest.size_bytes:
            return ""
        return f"; {least.backend.title} has {size(least.size_bytes)}, but {self._loss(least)}"

    def _loss(self, service: Service) -> str:
        if service.quality is None:
            return f"differs by up to {service.difference:.1e}"
        return f"has {self.quality(service)} instead of the original's {self._original_in_words()}"

    def _over_http(self, quickest: Service) -> Iterator[str]:
        for service in self.services:
            if service.backend.name == "mlflow_serve" and service is not quickest:
                times = service.latency.p50_ms / quickest.latency.p50_ms
                a_call = duration(service.latency.p50_ms / 1e3)
                yield (
                    f"- for other programs, over HTTP: mlflow models serve needs {a_call} a call, {times:,.0f} times "
                    f"as long as {quickest.backend.title} in one's own process; "
                    "it calls `Model.predict` for each request and takes JSON. TensorFlow Serving is made for more"
                )

    def _how_to_read(self) -> str:
        test_set = self.series.test_set
        few = [service.backend.title for service in self.services if service.latency.calls < WANTED_CALLS]
        sentences = [
            "Each way ran in a fresh process of its own, asked for one example at a time (p50, p95, p99), then for "
            "batches by one and more clients (throughput.csv). The start counts from the process's start to its first "
            "answer. LiteRT and ONNX ran without TensorFlow, on the CPU, LiteRT with an interpreter a client; int8's "
            "inputs and outputs are quantised by the client, in NumPy, as part of the call.",
            f"As good as the original counts what loses at most {LOSS:.1%}"
            if self.series.scoring is not None
            else f"There are no labels: as good as the original counts what differs by at most {SAME:g}",
        ]
        sentences[-1] += f". int8's ranges come from {test_set.calibrated_with}."
        for remark in dict.fromkeys(service.remark for service in self.services if service.remark):
            titles = [service.backend.title for service in self.services if service.remark == remark]
            sentences.append(f"{', '.join(titles)}: {remark}.")
        if few:
            sentences.append(f"Fewer than {WANTED_CALLS} calls, so that p99 is about the slowest: {', '.join(few)}.")
        return " ".join(sentences) + f" SHA-256 of the original: `{checksums.sha256(self.series.source.model)}`."

    def _tensorflow_serving(self) -> str:
        """Return the command that serves the folder kept by this run; the experiment does not run it."""
        if all(service.backend.name != "saved_model" for service in self.services):
            return ""
        return (
            "TensorFlow Serving reads the run's folder `saved_model`, where `1` is the version; not run here:\n\n"
            "```\n"
            'docker run --rm -p 127.0.0.1:8501:8501 -v "$PWD/saved_model:/models/model" -e MODEL_NAME=model '
            "tensorflow/serving\n"
            "curl -d '{\"instances\": [[...]]}' http://127.0.0.1:8501/v1/models/model:predict\n"
            "```"
        )

    def _original_in_words(self) -> str:
        assert self.series.original_quality is not None
        return self._in_words(self.series.original_quality)

    def _in_words(self, quality: float) -> str:
        return f"{quality:.4g}" if self._is_regression else f"{quality:.2%}"

    @property
    def _is_regression(self) -> bool:
        return isinstance(self.series.scoring, Targets)


def _named(best: Service, candidates: Sequence[Service], figure: Callable[[Service], str]) -> str:
    """Name the best backend with its figure, and all others whose figure reads the same."""
    equals = [f"**{service.backend.title}**" for service in candidates if figure(service) == figure(best)]
    return f"{' and '.join(equals)}, {figure(best)}"


def _call(service: Service) -> str:
    return duration(service.latency.p50_ms / 1e3)


def _rate(service: Service) -> str:
    (batch, clients), rate = best_throughput(service)
    return f"{rate:,.0f} a second in batches of {batch} from {clients} client{'s' if clients > 1 else ''}"


def _room(service: Service) -> str:
    return size(service.size_bytes)


def _start(service: Service) -> str:
    return duration(service.startup_seconds)


def best_throughput(service: Service) -> tuple[tuple[int, int], float]:
    """Return ((batch size, clients), examples a second) of the highest throughput."""
    return max(service.throughput.items(), key=lambda item: item[1])


def size(count: int) -> str:
    """Return bytes with three digits in the unit that suits them; a kB has 1,000."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"
