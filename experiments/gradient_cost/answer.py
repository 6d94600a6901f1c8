"""The answer of a workload's series: rows of tables, and a note in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments.gradient_cost.operations import FUNCTION, GRADIENT
from experiments.gradient_cost.series import GradientCostPoint
from experiments.gradient_cost.settings import GradientCostSettings
from experiments.gradient_cost.verification import route, tolerance
from experiments.measure.log_ratio import verdicts
from experiments.measure.ratio import Ratio
from experiments.measure.verdict import Verdict
from experiments.recorder import Cell, Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import duration
from experiments.series.columns import ratio_columns, sample_columns, time_columns
from experiments.series.intervals import origin_of_intervals

BOUND = 5.0
"""The cheap gradient principle: in theory a gradient costs at most about this many times its function, whatever the
number of variables (A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed. 2008, section 4.5)."""


@dataclass(frozen=True)
class GradientCostAnswer:
    """The points measured so far, compared with the theoretical bound."""

    settings: GradientCostSettings
    placement: str
    """The title of the device that computed: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""
    found: Sequence[GradientCostPoint]
    not_measured: Mapping[int, str]
    """The reason for each size that has no point."""
    tf32: bool = False
    """Whether products of float32 may have been rounded to TensorFloat-32."""

    @cached_property
    def points(self) -> list[GradientCostPoint]:
        """The points by ascending size."""
        return sorted(self.found, key=lambda point: point.size)

    def row(self, point: GradientCostPoint) -> dict[str, Cell]:
        """Return the point's row of results.csv. Times are in microseconds per call."""
        settings = self.settings
        row: dict[str, Cell] = {
            "n": point.size,
            "status": "measured",
            "workload": settings.workload.name,
            "dtype": settings.dtype,
            "mode": settings.mode,
            "device": point.device,
            "parameters": point.parameters,
            **ratio_columns("ratio", point.ratio),
        }
        if point.hessian_ratio:
            row |= ratio_columns("hessian_ratio", point.hessian_ratio)
        for name, measurement in point.measurements.items():
            row |= time_columns(name, measurement)
        return row | {
            "gradient_error": point.error,
            "hessian_error": point.hessian_error,
            "tolerance": tolerance(settings.workload, settings.dtype, point.size, self.tf32),
            "checked_by": route(settings.workload),
        }

    def sample_rows(self) -> list[Row]:
        """Return the rows of samples.csv, one for each raw sample."""
        return [
            {"n": point.size, "operation": name, **columns}
            for point in self.points
            for name, measurement in point.measurements.items()
            for columns in sample_columns(measurement)
        ]

    def note(self) -> str:
        """Return the answer in Markdown."""
        title = f"**{self.settings.workload.title}** in {self.settings.setting}, on {self.placement}"
        parts = [f"{title}: {self._headline()}"]
        if self.points:
            parts.append(markdown_table([self._table_row(point) for point in self.points]))
            parts += origin_of_intervals(one for point in self.points for one in point.measurements.values())
            parts.append(self._on_the_check())
        parts += [
            f"Not measured: n={size:,} - {literal(reason)}." for size, reason in sorted(self.not_measured.items())
        ]
        return "\n\n".join(parts)

    def _headline(self) -> str:
        if not self.points:
            return "nothing was measured."
        last = self.points[-1]
        times = f"its gradient takes {last.ratio.value:.2f} times as long as the function at n={last.size:,}"
        bound = f"the theoretical bound of about {BOUND:g}"
        if above := self._sizes(above_bound):
            return f"{times}; above {bound} at n={above}."
        if above := self._sizes(perhaps_above):
            return f"{times}; in this one process above {bound} at n={above}."
        return f"{times}; nowhere clearly above {bound}."

    def _sizes(self, which: Callable[[Sequence[Ratio]], Sequence[bool]]) -> str:
        """The sizes of those ratios that ``which`` chooses."""
        chosen = which([point.ratio for point in self.points])
        return ", ".join(f"{point.size:,}" for point, is_chosen in zip(self.points, chosen, strict=True) if is_chosen)

    def _table_row(self, point: GradientCostPoint) -> dict[str, str]:
        row = {
            "n": f"{point.size:,}",
            "parameters": f"{point.parameters:,}",
            "function": duration(point.measurements[FUNCTION].median),
            "gradient": duration(point.measurements[GRADIENT].median),
            "ratio": f"{point.ratio.value:.2f}",
            "interval": in_words(point.ratio),
        }
        if point.hessian_ratio:
            row["with Hessian's diagonal"] = f"{point.hessian_ratio.value:.2f}"
        return row | {"gradient off by": f"{point.error:.1e}"}

    def _on_the_check(self) -> str:
        workload = self.settings.workload
        allowed = tolerance(workload, self.settings.dtype, self.points[-1].size, self.tf32)
        return (
            f"n counts {workload.size_is}. The gradient was checked at each size along a random direction against "
            f"the function written in NumPy, by {route(workload)}; at the largest, {allowed:.1g} of it was let pass."
        )


def above_bound(ratios: Sequence[Ratio]) -> list[bool]:
    """Return which ratios are above the bound for certain, at most 5 % of such answers being wrong at any ratio.

    t tests over the processes, corrected by Holm's method for the number of ratios. One process has no such certainty.
    """
    over = [ratio.over(BOUND) for ratio in ratios]
    decided = iter(verdicts([one for one in over if one]))
    return [one is not None and next(decided) is Verdict.SLOWER for one in over]


def perhaps_above(ratios: Sequence[Ratio]) -> list[bool]:
    """Return which ratios are above the bound with the whole interval of a single process, if it has one.

    No other process confirms it, and nothing is corrected for the number of ratios.
    """
    return [
        ratio.processes < 2 and (ratio.low if math.isfinite(ratio.low) else ratio.value) > BOUND for ratio in ratios
    ]


def in_words(ratio: Ratio) -> str:
    """Return the interval as ``2.90 - 3.10``, or a dash where there are too few rounds for one."""
    return f"{ratio.low:.2f} - {ratio.high:.2f}" if math.isfinite(ratio.low) else "-"
