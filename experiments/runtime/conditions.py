"""The conditions under which a point was measured: the machine beside it, its memory, the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from experiments.runtime.card_watch import Energy
from experiments.runtime.disturbance import Disturbance
from experiments.runtime.nvml import Reading


@dataclass(frozen=True)
class Conditions:
    """What was read beside the times of one point, or of several."""

    disturbance: Disturbance = field(default_factory=Disturbance)
    """What else happened on the machine."""
    peak_bytes: float = math.nan
    """The most memory, see :mod:`experiments.runtime.memory`; NaN where it is not known."""
    readings: tuple[Reading, ...] = ()
    """The card's states; none on a CPU."""
    energy: Mapping[str, Energy] = field(default_factory=dict)
    """What the card used for each call, by the calls' names; none on a CPU."""

    def __add__(self, other: Conditions) -> Conditions:
        """Join two parts of a measurement, such as two processes."""
        peaks = [peak for peak in (self.peak_bytes, other.peak_bytes) if not math.isnan(peak)]
        names = dict.fromkeys((*self.energy, *other.energy))
        nothing = Energy()
        return Conditions(
            self.disturbance + other.disturbance,
            max(peaks, default=math.nan),
            self.readings + other.readings,
            {name: self.energy.get(name, nothing) + other.energy.get(name, nothing) for name in names},
        )

    def plain(self) -> dict[str, Any]:
        """Return the conditions as values of JSON."""
        return {
            "disturbance": astuple(self.disturbance),
            "peak_bytes": self.peak_bytes,
            "readings": [astuple(reading) for reading in self.readings],
            "energy": {name: astuple(energy) for name, energy in self.energy.items()},
        }

    @classmethod
    def from_plain(cls, found: Mapping[str, Any]) -> Conditions:
        """Read what :meth:`plain` returned. Only the disturbance is there in runs of earlier versions."""
        return cls(
            Disturbance(*found["disturbance"]),
            found.get("peak_bytes", math.nan),
            tuple(Reading(*reading) for reading in found.get("readings", ())),
            {name: Energy(*energy) for name, energy in found.get("energy", {}).items()},
        )
