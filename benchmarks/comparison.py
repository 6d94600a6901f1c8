"""Comparing two ways of doing the same thing in interleaved rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Seconds of ours and theirs, one pair a round."""

    what: str
    pairs: tuple[tuple[float, float], ...]

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in self.pairs]

    @property
    def row(self) -> dict[str, str]:
        ours, theirs = (statistics.median(times) for times in zip(*self.pairs, strict=True))
        return {
            "what": self.what,
            "ours": _seconds(ours),
            "theirs": _seconds(theirs),
            "median ratio": f"{statistics.median(self.ratios):.3f}",
            "ratios from - to": f"{min(self.ratios):.3f} - {max(self.ratios):.3f}",
            "rounds": str(len(self.pairs)),
        }


def compare(what: str, ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> Comparison:
    """Each returns seconds; who goes first changes from round to round."""
    pairs = []
    for turn in range(rounds):
        if turn % 2:
            theirs_seconds, ours_seconds = theirs(), ours()
        else:
            ours_seconds, theirs_seconds = ours(), theirs()
        pairs.append((ours_seconds, theirs_seconds))
    return Comparison(what, tuple(pairs))


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 0.1 else f"{value * 1e6:.3g} µs"
