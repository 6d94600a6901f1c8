"""Compare the jobs of a sweep over ``matmul``: crossovers, growths, figures and one note."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from experiments.job_result import JobResult
from experiments.matmul.comparison_figures import speedup_figure, time_figure
from experiments.matmul.crossover import Crossover, how_telling
from experiments.matmul.growth import Growth
from experiments.matmul.pairing import Comparison
from experiments.recorder import Recorder, Row
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import duration
from experiments.series.comparing import common_setting, cut_short, listing, without_result

MOST_LINES = 10
"""The note has up to this many lines of each kind; the tables have them all."""


def compare(members: Sequence[JobResult], recorder: Recorder) -> None:
    """Record figures, tables and one note on those ``members`` that measured anything."""
    comparison = Comparison(members)
    if comparison.growths:
        recorder.table("growth", [_growth_row(found) for found in comparison.growths])
    if comparison.crossovers:
        recorder.table("crossover", [_crossover_row(found) for found in comparison.crossovers.values()])
    if len(comparison.curves) > 1:
        recorder.figure("comparison_time", partial(time_figure, comparison))
    if comparison.against_baseline:
        recorder.figure("comparison_speedup", partial(speedup_figure, comparison))
    recorder.note(note(comparison))


def note(comparison: Comparison) -> str:
    """The comparison in Markdown."""
    curves, members = comparison.curves, comparison.members
    setting = f" in {common}" if (common := common_setting(members)) else ""
    parts = [f"**{comparison.product}**{setting}: {len(curves)} of {len(members)} jobs have a curve."]
    crossovers = sorted(comparison.crossovers.values(), key=how_telling)
    lines = [f"- {literal(found.in_words())}" for found in crossovers[:MOST_LINES]]
    if len(crossovers) > MOST_LINES:
        lines.append(f"- and {len(crossovers) - MOST_LINES} more in crossover.csv")
    fits = [found for found in comparison.growths if not found.problem]
    if lines:
        parts.append("\n".join(lines))
    if fits:
        parts.append("Growth, fitted as t(n) = a + b n^k:")
        parts.append(markdown_table([_growth_cells(found) for found in fits[:MOST_LINES]]))
    if len(fits) > MOST_LINES:
        parts.append(f"and {len(fits) - MOST_LINES} more in growth.csv")
    parts += _without_growth(comparison.growths)
    parts += listing("no curve from", without_result(members, curves), MOST_LINES)
    parts += listing("not finished, but compared", cut_short(curves), MOST_LINES)
    return "\n\n".join(parts)


def _without_growth(growths: Sequence[Growth]) -> list[str]:
    """Why which series have no fit: a line for each reason, the first reasons."""
    series: dict[str, list[str]] = {}
    for found in growths:
        if found.problem:
            series.setdefault(found.problem, []).append(found.curve.label)
    lines = [
        line for why, labels in series.items() for line in listing(f"no growth fitted ({why})", labels, MOST_LINES)
    ]
    return [
        *lines[:MOST_LINES],
        *([f"and {len(lines) - MOST_LINES} more reasons in growth.csv"] * (len(lines) > MOST_LINES)),
    ]


def _growth_cells(found: Growth) -> dict[str, str]:
    """A fit as a row of the note's table."""
    low, high = found.k_interval
    interval = f" ({low:.2f} - {high:.2f})" if math.isfinite(low) else ""
    return {
        "series": found.curve.label,
        "fixed cost a": _with_interval(found.a, found.a_interval),
        "b": _with_interval(found.b, found.b_interval),
        "growth k": f"{found.k:.2f}{interval}",
        "largest deviation": f"{found.deviation:.1%} at n={found.deviation_n:,}",
    }


def _with_interval(seconds: float, interval: tuple[float, float]) -> str:
    if not math.isfinite(interval[0]):
        return duration(seconds)
    return f"{duration(seconds)} ({duration(interval[0])} - {duration(interval[1])})"


def _growth_row(found: Growth) -> Row:
    """A fit as a row of growth.csv. Times are in microseconds."""
    row: dict[str, Any] = {
        "series": found.curve.label,
        "device": found.curve.device,
        "status": f"no fit: {found.problem}" if found.problem else "fitted",
        "sizes": len(found.curve.n),
    }
    if math.isnan(found.k):
        return row
    for name, value, (low, high), scale in (
        ("a_us", found.a, found.a_interval, 1e6),
        ("b_us", found.b, found.b_interval, 1e6),
        ("k", found.k, found.k_interval, 1.0),
    ):
        row |= {name: value * scale, f"{name}_ci_low": low * scale, f"{name}_ci_high": high * scale}
    return row | {"largest_deviation": found.deviation, "largest_deviation_n": found.deviation_n}


def _crossover_row(found: Crossover) -> Row:
    """A pair as a row of crossover.csv. The speedup is the faster curve's at the largest size compared."""
    low, high = found.interval
    return {
        "first": found.first.label,
        "second": found.second.label,
        "outcome": found.outcome,
        "faster": found.faster.label if found.faster else None,
        "speedup": found.speedup,
        "n": found.n,
        "ci_low_n": low,
        "ci_high_n": high,
        "lead_changes": found.lead_changes,
        "first_common_n": int(found.first.n[0]) if len(found.first.n) else None,
        "last_common_n": int(found.first.n[-1]) if len(found.first.n) else None,
        "left_out_n": " ".join(map(str, found.left_out)) or None,
    }
