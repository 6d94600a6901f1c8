"""Watching a card while a call is timed on it: clocks, temperature, power, and the energy of a call."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

from experiments.runtime.nvml import Card, Reading

PAUSE = 0.05
"""Seconds between two readings during a visit: a reading takes some 0.1 ms, and nothing runs on the card meanwhile."""

SHORTEST = 0.5
"""Seconds of sampling below which no energy is told: cards count in steps of up to 0.1 s."""


@dataclass(frozen=True)
class Energy:
    """What a card used while a call was sampled."""

    joules: float = 0.0
    calls: int = 0
    seconds: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.joules + other.joules, self.calls + other.calls, self.seconds + other.seconds)

    @property
    def per_call(self) -> float:
        """Joules; NaN where the card does not count them, or the time was too short."""
        return self.joules / self.calls if self.calls and self.seconds >= SHORTEST else math.nan


class CardWatch:
    """The readings of a card, none of them within what is timed; without a card there are none."""

    def __init__(self, card: Card | None = None) -> None:
        self._card = card
        self._due = self._began = 0.0
        self._joules = math.nan
        self.readings: list[Reading] = []
        self.energy = Energy()

    def look(self, phase: str) -> None:
        """Read the card."""
        if self._card:
            self.readings.append(self._card.reading(phase))
            self._due = perf_counter() + PAUSE

    def look_between_blocks(self) -> None:
        """Read the card if the last reading is long enough ago."""
        if self._card and perf_counter() >= self._due:
            self.look("during")

    def begin(self) -> None:
        """Begin to count the energy of calls."""
        if self._card:
            self._joules, self._began = self._card.joules(), perf_counter()

    def end(self, calls: int) -> None:
        """Count the energy of the ``calls`` since :meth:`begin`."""
        if self._card:
            used = Energy(self._card.joules() - self._joules, calls, perf_counter() - self._began)
            self.energy += used
