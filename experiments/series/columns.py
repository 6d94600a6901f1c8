"""The columns that a measurement has in results.csv and samples.csv."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.measure import Measurement
from experiments.measure.ratio import Ratio
from experiments.recorder import Cell, Row
from experiments.runtime.conditions import Conditions
from experiments.series.cards import card_columns, card_metrics


def time_columns(name: str, measurement: Measurement) -> dict[str, Cell]:
    """Return the columns of a time ``name``, in microseconds per call; ``NAME_us`` is the median."""
    low, high = measurement.interval
    return {
        f"{name}_us": measurement.median * 1e6,
        f"{name}_ci_low_us": low * 1e6,
        f"{name}_ci_high_us": high * 1e6,
        f"{name}_mean_us": measurement.mean * 1e6,
        f"{name}_min_us": measurement.minimum * 1e6,
        f"{name}_first_call_us": measurement.first_call * 1e6,
        f"{name}_processes": len(measurement.levels),
        f"{name}_spread": measurement.spread,
        f"{name}_samples": len(measurement.samples),
        f"{name}_calls_per_sample": measurement.samples[-1].calls,
        f"{name}_stopped": measurement.stopped,
    }


def ratio_columns(name: str, ratio: Ratio) -> dict[str, Cell]:
    """Return the columns of a ratio ``name`` with its 95 % interval."""
    return {name: ratio.value, f"{name}_low": ratio.low, f"{name}_high": ratio.high}


def condition_columns(found: Conditions) -> dict[str, Cell]:
    """Return the columns of the conditions of a point; NaN where one is not known, none of a card on a CPU."""
    machine = found.disturbance
    return {
        "others_share": machine.others_share,
        "steal_share": machine.steal_share,
        "throttled": machine.throttled,
        "peak_mb": found.peak_bytes / 1e6,
        **card_columns(found),
    }


def condition_metrics(row: Row) -> dict[str, str]:
    """Return the metrics that a point has for its conditions: name -> column of its row."""
    return {"memory/peak_mb": "peak_mb", **card_metrics(row)}


def sample_columns(measurement: Measurement) -> Iterator[dict[str, Cell]]:
    """Yield the columns of each raw sample; seconds are those of all its calls together."""
    for sample in measurement.samples:
        yield {
            "process": sample.process,
            "round": sample.round,
            "calls": sample.calls,
            "seconds": sample.seconds,
            "cycle": sample.cycle,
        }
