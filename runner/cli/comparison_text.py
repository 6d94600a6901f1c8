"""A comparison of two runs in words, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.measure.verdict import Verdict
from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration, on_one_line, shortened
from experiments.series.two_runs import Compared
from runner.tracking.differences import AREAS, Described, Different, differences
from runner.tracking.finding import SHORT_ID, began

if TYPE_CHECKING:
    from mlflow.entities import Run

LONGEST_VALUE = 60


@dataclass(frozen=True)
class MetricPair:
    """A metric of two runs, without a verdict."""

    name: str
    metric: str
    first: float
    second: float


@dataclass(frozen=True)
class Comparison:
    """All that is said of two runs, A and B."""

    first: Run
    second: Run
    times: Sequence[Compared]
    metrics: Sequence[MetricPair]
    """What is compared where nothing was timed."""
    described: tuple[Described, Described]
    remarks: Sequence[str]

    @property
    def differences(self) -> Sequence[Different]:
        return differences(*self.described)


def as_text(comparison: Comparison) -> str:
    """Return the comparison for a terminal, in Markdown."""
    table = _time_table(comparison.times) if comparison.times else _metric_table(comparison.metrics)
    parts = [
        f"A: {title(comparison.first)}\nB: {title(comparison.second)}",
        table,
        *comparison.remarks,
        *_differences(comparison),
    ]
    return "\n\n".join(parts)


def as_json(comparison: Comparison, fails: bool) -> dict[str, Any]:
    """Return the comparison as an object for JSON. Times are seconds a call; NaN and infinity are null."""
    return {
        "a": _run(comparison.first),
        "b": _run(comparison.second),
        "times": [_time(one) for one in comparison.times],
        "metrics": [
            {"job": one.name, "metric": one.metric, "a": _number(one.first), "b": _number(one.second)}
            for one in comparison.metrics
        ],
        "differences": [
            {"area": one.area, "key": one.key, "a": one.first, "b": one.second} for one in comparison.differences
        ],
        "remarks": list(comparison.remarks),
        "fails": fails,
    }


def title(run: Run) -> str:
    """Return a run's name, id, begin and status."""
    name = shortened(on_one_line(run.info.run_name), LONGEST_VALUE)
    return f"{name} ({run.info.run_id[:SHORT_ID]}, {began(run)}, {run.info.status})"


def on_turns(times: Sequence[Compared]) -> list[str]:
    """Return the sentences on what the intervals hold of the machine's drift, and on what disturbed the measurement."""
    apart = [one.ratio for one in times if one.ratio and not one.runs.took_turns]
    known = [one.runs.drifts[one.key] for one in times if one.ratio and one.key in one.runs.drifts]
    sentences = []
    if known:
        shares = list(dict.fromkeys(f"{100 * end(drift.deviation for drift in known):.2g}" for end in (min, max)))
        sentences.append(
            "A and B did not take turns. The intervals hold the spread between other runs of the same question on "
            f"this machine ({' to '.join(shares)} %)."
        )
    if len(known) < len(apart):
        where = "For times without such runs" if known else "A and B did not take turns:"
        sentences.append(f"{where} the drift of the machine between the two is not in the intervals.")
    if busy := max((one.runs.busy for one in times), default=0.0):
        sentences.append(f"Other programs took up to {busy:.0%} of the machine while it measured.")
    if unseen := max((ratio.unseen for ratio in apart), default=0.0):
        sentences.append(f"Only a difference beyond {unseen:.0%} counts.")
    return [" ".join(sentences)] if sentences else []


def _time_table(times: Sequence[Compared]) -> str:
    return markdown_table(
        [
            {
                **({"job": one.runs.name} if one.runs.name else {}),
                **dict(zip(one.runs.first.columns, one.key, strict=True)),
                "A": duration(one.seconds[0]),
                "B": duration(one.seconds[1]),
                "B / A": f"{one.value:.3f}",
                "95 % interval": _interval(one),
                "B is": _in_words(one),
            }
            for one in times
        ]
    )


def _in_words(one: Compared) -> str:
    if one.verdict is Verdict.SAME:
        return "the same"
    return f"{one.verdict.value}: {one.reason}" if one.reason else one.verdict.value


def _interval(one: Compared) -> str:
    if one.ratio is None:
        return ""
    low, high = one.ratio.interval
    return f"{low:.3f} to {high:.3f}"


def _metric_table(metrics: Sequence[MetricPair]) -> str:
    return markdown_table(
        [
            {
                **({"job": one.name} if one.name else {}),
                "metric": one.metric,
                "A": f"{one.first:.6g}",
                "B": f"{one.second:.6g}",
                "B - A": f"{one.second - one.first:+.3g}",
            }
            for one in metrics
        ]
    )


def _differences(comparison: Comparison) -> list[str]:
    """The table of what differs, and a sentence on what does not."""
    found = comparison.differences
    rows = [{"differs": one.area, "key": one.key, "A": _value(one.first), "B": _value(one.second)} for one in found]
    known = [area for area in AREAS if all(one.areas[area] for one in comparison.described)]
    equal = [area for area in known if area not in {one.area for one in found}]
    unknown = [area for area in AREAS if area not in known]
    return [
        *([markdown_table(rows)] if rows else []),
        *([f"No difference in: {', '.join(equal)}."] if equal else []),
        *([f"Nothing is known of: {', '.join(unknown)}."] if unknown else []),
    ]


def _value(text: str | None) -> str:
    return "-" if text is None else shortened(on_one_line(text), LONGEST_VALUE)


def _run(run: Run) -> Mapping[str, Any]:
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "began_milliseconds": run.info.start_time,
    }


def _time(one: Compared) -> Mapping[str, Any]:
    low, high = one.ratio.interval if one.ratio else (math.nan, math.nan)
    return {
        "job": one.runs.name,
        "key": dict(zip(one.runs.first.columns, one.key, strict=True)),
        "a_seconds": one.seconds[0],
        "b_seconds": one.seconds[1],
        "ratio": one.value,
        "low": _number(low),
        "high": _number(high),
        "verdict": one.verdict.value,
        "reason": one.reason,
        "took_turns": one.runs.took_turns,
        "drift_is_known": one.runs.took_turns or one.key in one.runs.drifts,
        "slower_by_margin": one.is_slower_by_margin,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
