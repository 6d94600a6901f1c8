"""The measured backends compared: as rows, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from experiments.deployment.advice import Advice
from experiments.deployment.backend_result import BackendResult
from experiments.deployment.estimate import Estimate
from experiments.deployment.load import WANTED_CALLS
from experiments.deployment.original import Original
from experiments.deployment.quality import LOSS, SAME, Quality
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.sustained import Sustained
from experiments.deployment.words import call, plus_minus, room, start
from experiments.networks.saving import checksums
from experiments.recorder import Cell, Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import duration


@dataclass(frozen=True)
class DeploymentAnswer:
    """The backends measured so far, compared."""

    settings: DeploymentSettings
    original: Original
    results: Sequence[BackendResult]
    not_measured: Mapping[str, str]
    """Backend -> why it has no figures."""
    placement: str
    """The title of the device that computed: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""

    def rows(self) -> list[Row]:
        """Return one row for each backend, measured or not."""
        missing: list[Row] = [
            {"way": name, "status": f"not measured: {reason}"} for name, reason in self.not_measured.items()
        ]
        return [*map(self._row, self.results), *missing]

    def throughput_rows(self) -> list[Row]:
        """Return one row for each backend, batch size and number of clients."""
        return [
            {
                "way": result.backend.name,
                "batch_size": batch,
                "clients": clients,
                **_columns("examples_per_s", rate),
                "processes": len(rate.by_process),
            }
            for result in self.results
            for (batch, clients), rate in result.throughput.items()
        ]

    def sample_rows(self) -> list[Row]:
        """Return the raw samples, each with the number of its process; seconds are those of all its calls together."""
        return [
            {"way": result.backend.name, "call": what, "process": number, "calls": calls, "seconds": seconds}
            for result in self.results
            for number, what, calls, seconds in result.samples()
        ]

    def in_short(self, result: BackendResult) -> str:
        """Return the figures of a backend in one line."""
        quality = "" if result.quality is None else f", {self.quality.in_words(result)}"
        failed = f", {len(result.failures)} of its processes failed" if result.failures else ""
        return f"{call(result)}{plus_minus(result.p50_ms)} a call, {room(result)}{quality}{failed}"

    @property
    def sustained(self) -> Sustained:
        """The backends measured so far under load."""
        return Sustained(self.results, self.settings.p99_ms)

    @cached_property
    def quality(self) -> Quality:
        return Quality(self.original)

    def note(self) -> str:
        """Return the answer in Markdown."""
        parts = [f"**{literal(self.original.source.title)}**, served on {self.placement}"]
        if self.results:
            test_set = self.original.test_set
            parts[0] += f": {self.original.parameters:,} parameters, {len(test_set.inputs):,} test examples."
            parts.append(markdown_table(list(map(self._table_row, self.results))))
        if len(self.results) > 1:
            parts.append("\n".join(Advice(self.results, self.quality).lines()))
        parts += self.sustained.note()
        parts += [f"Not measured: {name} - {literal(reason)}." for name, reason in self.not_measured.items()]
        parts += [
            f"Process {number + 1} of {result.backend.title} found nothing: {literal(reason)}."
            for result in self.results
            for number, reason in result.failures.items()
        ]
        if self.results:
            parts += [self._how_to_read(), self._tensorflow_serving()]
        return "\n\n".join(part for part in parts if part)

    def _row(self, result: BackendResult) -> dict[str, Cell]:
        row: dict[str, Cell] = {
            "way": result.backend.name,
            "status": "measured",
            "size_bytes": result.size_bytes,
            "processes": len(result.processes),
            **_columns("startup_seconds", result.startup_seconds),
            **_columns("p50_ms", result.p50_ms),
            **_columns("p95_ms", result.p95_ms),
            **_columns("p99_ms", result.p99_ms),
            "calls": result.calls,
        }
        for (batch, clients), rate in result.throughput.items():
            row |= _columns(f"examples_per_s_batch_{batch}_clients_{clients}", rate)
        quality = self.original.measure_of_quality.replace(" ", "_")
        return row | {"difference_max": result.difference, quality: result.quality, "remark": result.remark or None}

    def _table_row(self, result: BackendResult) -> dict[str, str]:
        point, rate = result.best_throughput
        return {
            "way": result.backend.title,
            "size": room(result),
            "start": start(result) + plus_minus(result.startup_seconds),
            "p50": call(result) + plus_minus(result.p50_ms),
            "p95": duration(result.p95_ms.value / 1e3),
            "p99": duration(result.p99_ms.value / 1e3),
            "most examples/s": f"{rate.value:,.0f}{plus_minus(rate)}",
            "at batch x clients": f"{point[0]} x {point[1]}",
            "largest difference": f"{result.difference:.1e}",
            self.original.measure_of_quality: self.quality.in_words(result),
        }

    def _how_to_read(self) -> str:
        sentences = [
            "Each way ran in fresh processes of its own, asked for one example at a time (p50, p95, p99), then for "
            "batches by one and more clients (throughput.csv). The start counts from the process's start to its first "
            f"answer. {self._origin_of_figures()} LiteRT and ONNX ran without TensorFlow, on the CPU, LiteRT with an "
            "interpreter a client; int8's inputs and outputs are quantised by the client, in NumPy, as part of the "
            "call.",
            f"As good as the original counts what loses at most {LOSS:.1%}"
            if self.original.scoring is not None
            else f"There are no labels: as good as the original counts what differs by at most {SAME:g}",
        ]
        sentences[-1] += f". int8's ranges come from {self.original.test_set.calibrated_with}."
        sentences += self._remarks()
        return " ".join(sentences) + f" SHA-256 of the original: `{checksums.sha256(self.original.source.model)}`."

    def _origin_of_figures(self) -> str:
        """Say over how many processes the figures are means, and where the intervals are from."""
        counts = sorted({len(result.processes) for result in self.results})
        processes = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        if counts == [1]:
            return "Each figure is from a single process, so there are no intervals: another process may differ."
        return (
            f"Each figure is the geometric mean of what {processes} processes found, for which "
            "the ways took turns in random order; ± is half of the 95 % interval, from the spread between them. What "
            "is said of one way beside another follows verdicts, which are all together wrong with a probability of "
            "at most 5 %."
        )

    def _remarks(self) -> Iterator[str]:
        for remark in dict.fromkeys(result.remark for result in self.results if result.remark):
            titles = [result.backend.title for result in self.results if result.remark == remark]
            yield f"{', '.join(titles)}: {remark}."
        few = [result.backend.title for result in self.results if result.fewest_calls < WANTED_CALLS]
        if few:
            yield f"Fewer than {WANTED_CALLS} calls in a process, so that p99 is about the slowest: {', '.join(few)}."

    def _tensorflow_serving(self) -> str:
        """Return the command that serves the folder kept by this run; the experiment does not run it."""
        if all(result.backend.name != "saved_model" for result in self.results):
            return ""
        return (
            "TensorFlow Serving reads the run's folder `saved_model`, where `1` is the version; not run here:\n\n"
            "```\n"
            'docker run --rm -p 127.0.0.1:8501:8501 -v "$PWD/saved_model:/models/model" -e MODEL_NAME=model '
            "tensorflow/serving\n"
            "curl -d '{\"instances\": [[...]]}' http://127.0.0.1:8501/v1/models/model:predict\n"
            "```"
        )


def _columns(name: str, estimate: Estimate) -> dict[str, Cell]:
    """Return the columns of an estimate with its 95 % interval, which are empty for a single process."""
    low, high = (None if isnan(end) else end for end in estimate.interval)
    return {name: estimate.value, f"{name}_low": low, f"{name}_high": high}
