"""What was read off the card while a series was measured: columns, metrics and words."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from experiments.recorder import Cell, Row
from experiments.reporting.text import listed
from experiments.runtime.conditions import Conditions
from experiments.runtime.nvml import HEAT, Reading

QUANTITIES: dict[str, Callable[[Reading], float]] = {
    "clock_mhz": lambda reading: reading.clock_mhz,
    "celsius": lambda reading: reading.celsius,
    "watts": lambda reading: reading.watts,
}

PHASES = ("before", "during", "after")

METRICS = {
    "gpu/clock_mhz": "gpu_clock_mhz_during",
    "gpu/celsius": "gpu_celsius_during",
    "gpu/watts": "gpu_watts_during",
    "gpu/slowed_share": "gpu_slowed_share",
}
"""Metric of a point -> column."""

ENERGY = "_mj_per_call"
"""The end of the columns with the millijoules of a call; what is before it names the call."""


def card_metrics(row: Row) -> dict[str, str]:
    """Return the metrics of a point: name -> column of its row."""
    energy = {f"energy/{column}": column for column in row if column.endswith(ENERGY)}
    return METRICS | energy


def card_columns(found: Conditions) -> dict[str, Cell]:
    """Return the columns of the card's state; none without a card.

    Medians over all visits, in MHz, degrees Celsius and watts, and the lowest clock; the share of the readings at which
    the card was slowed down, and why; the millijoules of a call.
    """
    if not found.readings:
        return {}
    columns: dict[str, Cell] = {
        f"gpu_{name}_{phase}": _median([quantity(reading) for reading in found.readings if reading.phase == phase])
        for name, quantity in QUANTITIES.items()
        for phase in PHASES
    }
    during = _at_work(found.readings)
    slowed = [reading for reading in during if reading.slowed_by]
    return columns | {
        "gpu_clock_mhz_lowest": min((reading.clock_mhz for reading in during), default=math.nan),
        "gpu_slowed_share": len(slowed) / len(during) if during else math.nan,
        "gpu_slowed_by": ", ".join(dict.fromkeys(reason for reading in slowed for reason in reading.slowed_by)),
        **{f"{name}{ENERGY}": energy.per_call * 1e3 for name, energy in found.energy.items()},
    }


def in_words(readings: Sequence[Reading]) -> list[str]:
    """A paragraph of a note on a card that was slowed down; none where it was not."""
    during = _at_work(readings)
    reasons = Counter(reason for reading in during for reason in reading.slowed_by)
    if not reasons:
        return []
    counts = listed([f"{reason} at {count}" for reason, count in reasons.most_common()])
    clocks = [reading.clock_mhz for reading in during]
    hottest, most = max(reading.celsius for reading in during), max(reading.watts for reading in during)
    slower = " The times may be longer for it." if HEAT in reasons else ""
    return [
        f"The card was slowed down for {counts} of {len(during)} readings between blocks: its clock was "
        f"{min(clocks):,.0f} to {max(clocks):,.0f} MHz, at up to {hottest:.0f} °C and {most:.0f} W.{slower}"
    ]


def _at_work(readings: Sequence[Reading]) -> list[Reading]:
    """The readings between blocks: before and after a visit the card may be idle."""
    return [reading for reading in readings if reading.phase == "during"]


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan
