"""A comparison of two runs in words, and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.measure.verdict import Verdict
from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration, listed, on_one_line, shortened
from experiments.series.two_runs import Compared
from runner.sweep.stored_metrics import DIFFERS, EQUAL, MetricPair
from runner.tracking.differences import AREAS, Described, Different, differences
from runner.tracking.find_run import SHORT_ID, began

if TYPE_CHECKING:
    from mlflow.entities import Run

LONGEST_VALUE = 60


@dataclass(frozen=True)
class Comparison:
    """All that is said of two runs, A and B."""

    first: Run
    second: Run
    times: Sequence[Compared]
    metrics: Sequence[MetricPair]
    """Those of which the experiment states a tolerance, and where nothing was timed those of its headline."""
    described: tuple[Described, Described]
    remarks: Sequence[str]

    @property
    def differences(self) -> Sequence[Different]:
        return differences(*self.described)


def as_text(comparison: Comparison) -> str:
    """Return the comparison for a terminal, in Markdown."""
    parts = [
        f"A: {title(comparison.first)}\nB: {title(comparison.second)}",
        _time_table(comparison.times) if comparison.times else "",
        _metric_table(comparison.metrics) if comparison.metrics else "",
        _in_short(comparison),
        *comparison.remarks,
        *differences_text(*comparison.described),
    ]
    return "\n\n".join(part for part in parts if part)


def as_json(comparison: Comparison, fails: bool) -> dict[str, Any]:
    """Return the comparison as an object for JSON. Times are seconds a call; NaN and infinity are null."""
    return {
        "a": _run(comparison.first),
        "b": _run(comparison.second),
        "times": [_time(one) for one in comparison.times],
        "metrics": [
            {
                "job": one.name,
                "metric": one.metric,
                "step": one.step,
                "a": _number(one.first),
                "b": _number(one.second),
                "verdict": one.verdict,
            }
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
    apart = [one.ratio for one in times if one.ratio and not one.took_turns]
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
    return f"{_word(one)}: {one.reason}" if one.reason else _word(one)


def _word(one: Compared) -> str:
    return "the same" if one.verdict is Verdict.SAME else one.verdict.value


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
                "metric": one.metric + (f" (step {one.step})" if one.step else ""),
                "A": "-" if one.first is None else f"{one.first:.6g}",
                "B": "-" if one.second is None else f"{one.second:.6g}",
                "B - A": "" if one.first is None or one.second is None else f"{one.second - one.first:+.3g}",
                "B is": _tolerated(one),
            }
            for one in metrics
        ]
    )


def _tolerated(one: MetricPair) -> str:
    """The verdict on a metric, with the tolerance that decides it."""
    if one.tolerance is None or one.verdict == EQUAL:
        return one.verdict
    allowed = [f"{one.tolerance.absolute:g}"] if one.tolerance.absolute else []
    allowed += [f"{one.tolerance.relative:.2g} of its size"] if one.tolerance.relative else []
    if one.verdict == DIFFERS:
        return f"{DIFFERS}; the tolerance is {' + '.join(allowed) or 0}"
    return f"{one.verdict} of {' + '.join(allowed)}"


def _in_short(comparison: Comparison) -> str:
    """A sentence on all that was compared; empty where there is no verdict at all."""
    held = [one for one in comparison.metrics if one.tolerance]
    differ = [" ".join(filter(None, [one.name, one.metric])) for one in held if one.verdict == DIFFERS]
    counts = Counter(_word(one) for one in comparison.times)
    of_times = [f"{counts[word]} {word}" for word in ("faster", "slower", "the same", "unsure") if counts[word]]
    sentences = [f"Of {len(comparison.times)} times B's are: {', '.join(of_times)}."] if of_times else []
    if differ:
        sentences.append(f"B DIFFERS from A by more than the tolerance: {listed(differ)}.")
    elif held:
        sentences.append(f"All {len(held)} metrics with a tolerance are within it.")
    return " ".join(sentences)


def differences_text(
    first: Described, second: Described, called: tuple[str, str] = ("A", "B"), areas: Sequence[str] = AREAS
) -> list[str]:
    """Return the table of what differs in some areas, and a sentence on what does not."""
    found = [one for one in differences(first, second) if one.area in areas]
    rows = [
        {"differs": one.area, "key": one.key, called[0]: _value(one.first), called[1]: _value(one.second)}
        for one in found
    ]
    known = [area for area in areas if first.areas[area] and second.areas[area]]
    equal = [area for area in known if area not in {one.area for one in found}]
    unknown = [area for area in areas if area not in known]
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
        "took_turns": one.took_turns,
        "drift_is_known": one.took_turns or one.key in one.runs.drifts,
        "slower_by_margin": one.is_slower_by_margin,
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
