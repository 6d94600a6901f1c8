"""The answer of a series of operators: rows of tables, and a note in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments.operators.operator import Operator
from experiments.operators.series import OperatorPoint
from experiments.operators.settings import OperatorsSettings
from experiments.recorder import Cell, Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.ranking import most
from experiments.reporting.text import duration, listed
from experiments.runtime.roofline import Limit
from experiments.series.columns import ratio_columns, sample_columns, time_columns
from experiments.series.intervals import origin_of_intervals


@dataclass(frozen=True)
class OperatorsAnswer:
    """The operators measured so far, compared with the peak of the machine."""

    settings: OperatorsSettings
    placement: str
    """The title of the device that computed: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""
    found: Sequence[OperatorPoint]
    not_measured: Mapping[str, str]
    """The reason for each operator that has no point."""
    probed: Limit
    """FLOP/s of a large matrix product, as measured before the series."""

    @cached_property
    def points(self) -> list[OperatorPoint]:
        """The points by descending time of forward and backward together."""
        return sorted(self.found, key=lambda point: -point.both.median)

    @cached_property
    def fastest(self) -> list[OperatorPoint]:
        """The points with the most FLOP/s: more than one where they tie, none where no point has any."""
        return most([point for point in self.points if point.flops_per_s], lambda point: point.flops_per_s or 0.0)

    @property
    def best(self) -> OperatorPoint | None:
        """The first of the points with the most FLOP/s; None where no point has any."""
        return self.fastest[0] if self.fastest else None

    @cached_property
    def peak(self) -> Limit:
        """The best rate that any route has reached: the probed peak, or the best operator where that exceeds it."""
        if self.best is None or not self.best.flops_per_s or self.best.flops_per_s <= self.probed.rate:
            return self.probed
        return Limit(self.best.flops_per_s, f"{self.best.operator.name} of this series")

    def share_of_peak(self, point: OperatorPoint) -> float | None:
        """Return the point's FLOP/s relative to the best rate seen; None for an operator whose FLOP are not counted."""
        return None if point.flops_per_s is None else point.flops_per_s / self.peak.rate

    def geometric_mean(self, column: str) -> float:
        """Return the geometric mean of a column of results.csv over all operators."""
        return statistics.geometric_mean([float(self.row(point)[column] or 0.0) for point in self.points])

    def row(self, point: OperatorPoint) -> dict[str, Cell]:
        """Return the point's row of results.csv.

        Times are in microseconds per call. ``backward_us`` is what the backward pass adds: the difference of the two
        medians. ``ratio`` is forward and backward together over forward. FLOP/s are those of the forward call.
        """
        row: dict[str, Cell] = {
            "operator": point.operator.name,
            "status": "measured",
            "operands": point.shapes,
            "dtype": self.settings.dtype,
            "mode": self.settings.mode,
            "transfer": self.settings.transfer,
            "device": point.device,
            "backward_us": (point.both.median - point.forward.median) * 1e6,
            **ratio_columns("ratio", point.ratio),
        }
        for name, measurement in point.measurements.items():
            row |= time_columns(name, measurement)
        return row | {
            "flops": point.flops,
            "gflops": None if point.flops_per_s is None else point.flops_per_s / 1e9,
            "share_of_peak": self.share_of_peak(point),
            "output_error": point.errors.output,
            "gradient_error": point.errors.gradient,
            "tolerance": point.tolerance,
        }

    def sample_rows(self) -> list[Row]:
        """Return the rows of samples.csv, one for each raw sample."""
        return [
            {"operator": point.operator.name, "call": name, **columns}
            for point in self.points
            for name, measurement in point.measurements.items()
            for columns in sample_columns(measurement)
        ]

    def note(self) -> str:
        """Return the answer in Markdown."""
        measured = f"{len(self.points)} of {len(self.settings.chosen)} operators"
        title = f"**{measured}** in {self.settings.setting}, on {self.placement}"
        parts = [f"{title}: {self._headline()}"]
        if self.points:
            parts.append(markdown_table([self._table_row(point) for point in self.points]))
        parts += [f"Not measured: {name} - {literal(reason)}." for name, reason in self.not_measured.items()]
        parts += origin_of_intervals(one for point in self.points for one in point.measurements.values())
        if self.points:
            parts.append(self._on_the_check())
        return "\n\n".join(parts)

    def _headline(self) -> str:
        if not self.points:
            return "nothing was measured."
        slowest = most(self.points, lambda point: point.both.median)
        take = "takes" if len(slowest) == 1 else "take"
        words = [f"{_names(slowest)} {take} longest, {duration(slowest[0].both.median)} forward and backward"]
        if len(self.points) > 1:
            steepest = most(self.points, lambda point: point.ratio.value)
            typical = statistics.median(point.ratio.value for point in self.points)
            words.append(
                f"with the backward pass a call takes {typical:.2g} times as long as without in the median, "
                f"that of {_names(steepest)} {steepest[0].ratio.value:.2g} times"
            )
        if self.best is not None:
            words.append(
                f"the best rate is {self._rate(self.best)} GFLOP/s ({_names(self.fastest)}), "
                f"{self._share(self.best)} of this machine's {self.peak.rate / 1e9:.3g} GFLOP/s ({self.peak.route})"
            )
        return "; ".join(words) + "."

    def _table_row(self, point: OperatorPoint) -> dict[str, str]:
        return {
            "operator": point.operator.name,
            "operands": point.shapes,
            "forward": duration(point.forward.median),
            "with backward": duration(point.both.median),
            "ratio": f"{point.ratio.value:.2f}",
            "GFLOP/s forward": self._rate(point),
            "of peak": self._share(point),
            "output off by": f"{point.errors.output:.0e}",
            "gradients off by": f"{point.errors.gradient:.0e}",
        }

    def _rate(self, point: OperatorPoint) -> str:
        return "" if point.flops_per_s is None else f"{point.flops_per_s / 1e9:.3g}"

    def _share(self, point: OperatorPoint) -> str:
        share = self.share_of_peak(point)
        return "" if share is None else f"{share:.1%}"

    def _on_the_check(self) -> str:
        outputs = most(self.points, lambda point: point.errors.output)
        gradients = most(self.points, lambda point: point.errors.gradient)
        words = (
            f"Outputs and gradients were held against NumPy in float64; {self.points[0].tolerance:.0e} was let "
            f"pass. Farthest off were the output of {_names(outputs)} ({outputs[0].errors.output:.1e}) and "
            f"the gradients of {_names(gradients)} ({gradients[0].errors.gradient:.1e})."
        )
        drawn = [point.operator.name for point in self.points if _is_drawn(point.operator)]
        if drawn:
            words += (
                f" What {', '.join(drawn)} drew at random was checked for how often, and the values given the draw."
            )
        return words


def _names(points: Sequence[OperatorPoint]) -> str:
    """The operators that tie."""
    return listed([point.operator.name for point in points], 3)


def _is_drawn(operator: Operator) -> bool:
    return operator.draw is not None
