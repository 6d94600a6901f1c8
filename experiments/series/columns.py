"""The columns that a measurement has in results.csv and samples.csv."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.measure import Measurement
from experiments.measure.ratio import Ratio
from experiments.recorder import Cell
from experiments.runtime.disturbance import Disturbance


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


def disturbance_columns(found: Disturbance) -> dict[str, Cell]:
    """Return the columns of what else happened on the machine; NaN where it is not known."""
    return {"others_share": found.others_share, "steal_share": found.steal_share, "throttled": found.throttled}


def sample_columns(measurement: Measurement) -> Iterator[dict[str, Cell]]:
    """Yield the columns of each raw sample; seconds are those of all its calls together."""
    for sample in measurement.samples:
        yield {"process": sample.process, "round": sample.round, "calls": sample.calls, "seconds": sample.seconds}
