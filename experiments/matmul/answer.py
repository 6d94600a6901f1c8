"""The answer of a series of products: rows of tables, and a note in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments.matmul.series import MatmulPoint
from experiments.matmul.settings import MatmulSettings
from experiments.measure import Measurement
from experiments.recorder import Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import most
from experiments.reporting.text import duration, listed
from experiments.runtime.roofline import Roofline
from experiments.runtime.transfer import NONE
from experiments.series.columns import sample_columns
from experiments.series.intervals import origin_of_intervals


@dataclass(frozen=True)
class MatmulAnswer:
    """The points measured so far, compared with the limits of the machine."""

    settings: MatmulSettings
    placement: str
    """The title of the device that computed: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""
    found: Sequence[MatmulPoint]
    not_measured: Mapping[int, str]
    """The reason for each size that has no point."""
    limits: Roofline
    """The limits as measured before the series."""

    @cached_property
    def points(self) -> list[MatmulPoint]:
        """The points by ascending size."""
        return sorted(self.found, key=lambda point: point.product.size)

    @cached_property
    def fastest(self) -> list[MatmulPoint]:
        """The points with the most FLOP/s, more than one where they tie."""
        return most(self.points, lambda point: point.flops_per_s)

    @property
    def best(self) -> MatmulPoint:
        """The smallest point with the most FLOP/s."""
        return self.fastest[0]

    @cached_property
    def roofline(self) -> Roofline:
        """The limits, corrected by points that exceed them: the peak is the best rate that any route has reached."""
        if not self.points:
            return self.limits
        shortest = min(point.measurement.median for point in self.points)
        raised = self.limits.raised_to(self.best.flops_per_s, f"this series, n={self.best.product.size}")
        return raised.lowered_to(shortest)

    @cached_property
    def statistic(self) -> str:
        """The name of the statistic shown: ``median``, or ``mean of 10`` for the textbook's single sample."""
        kinds = {point.measurement.statistic for point in self.points}
        return kinds.pop() if len(kinds) == 1 else "median"

    def share_of_peak(self, point: MatmulPoint) -> float:
        """Return the point's FLOP/s relative to the best rate seen on this machine."""
        return point.flops_per_s / self.roofline.compute.rate

    def regime(self, point: MatmulPoint) -> str:
        """Return what bounds the point: dispatch, memory or compute."""
        product = point.product
        return self.roofline.regime(product.flops, product.traffic)

    def row(self, point: MatmulPoint) -> Row:
        """Return the point's row of results.csv. Times are in microseconds per call, intensity in FLOP per byte."""
        product, measurement = point.product, point.measurement
        m, k, _ = product.dimensions
        low, high = measurement.interval
        first_quartile, third_quartile = measurement.quartiles
        mild, severe = measurement.outliers
        return {
            "n": product.size,
            "status": "measured",
            "m": m,
            "k": k,
            "shape": product.shape,
            "dtype": product.dtype,
            "mode": point.mode,
            "transfer": self.settings.transfer,
            "device": point.device,
            "median_us": measurement.median * 1e6,
            "ci_low_us": low * 1e6,
            "ci_high_us": high * 1e6,
            "mean_us": measurement.mean * 1e6,
            "min_us": measurement.minimum * 1e6,
            "q1_us": first_quartile * 1e6,
            "q3_us": third_quartile * 1e6,
            "mild_outliers": mild,
            "severe_outliers": severe,
            "processes": len(measurement.levels),
            "spread": measurement.spread,
            "samples": len(measurement.samples),
            "calls_per_sample": measurement.samples[-1].calls,
            "stopped": measurement.stopped,
            "first_call_us": measurement.first_call * 1e6,
            "latency_us": measurement.latency * 1e6,
            "flops": product.flops,
            "bytes": product.traffic,
            "intensity": product.intensity,
            "gflops": point.flops_per_s / 1e9,
            "gbytes_per_s": point.bytes_per_s / 1e9,
            "share_of_peak": self.share_of_peak(point),
            "regime": self.regime(point),
            "residual": point.residual,
        }

    def sample_rows(self) -> list[Row]:
        """Return the rows of samples.csv, one for each raw sample."""
        return [
            {"n": point.product.size, **columns}
            for point in self.points
            for columns in sample_columns(point.measurement)
        ]

    def note(self) -> str:
        """Return the answer in Markdown."""
        title = f"**{self.settings.title}** in {self.settings.setting}, on {self.placement}"
        parts = [f"{title}: {self._headline()}"]
        if self.points:
            parts.append(markdown_table([self._table_row(point) for point in self.points]))
        parts += [
            f"Not measured: n={size:,} - {literal(reason)}." for size, reason in sorted(self.not_measured.items())
        ]
        parts += origin_of_intervals(point.measurement for point in self.points)
        parts.append(f"This machine's limits: {in_words(self.roofline)}.{self._on_transfer()}")
        return "\n\n".join(parts)

    def share(self, point: MatmulPoint) -> str:
        """Return the share of the peak as a percentage: ``50.0%``."""
        percent = 100 * self.share_of_peak(point)
        return f"{percent:.1f}%" if percent >= 0.1 else "<0.1%"

    def _headline(self) -> str:
        if not self.points:
            return "nothing was measured."
        ends = dict.fromkeys((self.points[0], self.points[-1]))
        sizes = [f"n={point.product.size:,}" for point in self.fastest]
        times = ", ".join(f"{duration(point.measurement.median)} at n={point.product.size:,}" for point in ends)
        return (
            f"{times}; best rate {self.best.flops_per_s / 1e9:.3g} GFLOP/s at {listed(sizes)}, "
            f"{self.share(self.best)} of what this machine reaches."
        )

    def _on_transfer(self) -> str:
        if self.settings.transfer == NONE:
            return ""
        return (
            " They know nothing of the copies between host and device that are part of each time here: *bound by* says "
            "what would bound the product alone."
        )

    def _table_row(self, point: MatmulPoint) -> dict[str, str]:
        """Return the point's row of the note's table, narrow enough for a terminal of 80 columns."""
        measurement = point.measurement
        return {
            "n": f"{point.product.size:,}",
            "median ± 95 %" if self.statistic == "median" else self.statistic: (
                f"{duration(measurement.median)}{spread(measurement)}"
            ),
            "GFLOP/s": f"{point.flops_per_s / 1e9:.3g}",
            "of peak": self.share(point),
            "bound by": self.regime(point).removesuffix("-bound"),
            "samples": f"{len(point.measurement.samples)}",
            "stopped by": point.measurement.stopped,
        }


def in_words(roofline: Roofline) -> str:
    """Return the limits in words."""
    return (
        f"{roofline.compute.rate / 1e9:.3g} GFLOP/s ({roofline.compute.route}), "
        f"{roofline.memory.rate / 1e9:.3g} GB/s ({roofline.memory.route}), "
        f"{duration(roofline.dispatch_seconds)} for a call with nothing to do"
    )


def spread(measurement: Measurement) -> str:
    """Return the half width of the median's 95 % interval relative to it, `` ± 1.2%``; empty without an interval."""
    half_width = measurement.relative_half_width
    return "" if math.isnan(half_width) else f" ± {half_width:.1%}"
