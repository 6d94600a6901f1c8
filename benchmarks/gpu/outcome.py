"""What a step has found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OK, FAULT, SEEN, NEEDS_GPU = "ok", "FAULT", "seen", "needs a GPU"
"""Verdicts on a finding. ``seen`` is a reading for which nothing is right or wrong."""

PASSED, FAULTY, BROKE, OUT_OF_TIME = "passed", "FAULTY", "BROKE", "OUT OF TIME"
"""How a step ends: without a fault, with one, because it could not go on, because its time was over."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    seen: str
    verdict: str


@dataclass(frozen=True)
class Table:
    """Figures, each row a mapping from the column's title to the cell."""

    title: str
    rows: list[dict[str, str]]


@dataclass
class Outcome:
    """The findings of one step, as they go into the report."""

    letter: str
    title: str
    status: str = ""
    reason: str = ""
    """Why the step could not go on; empty if it ended by itself."""
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    """Files below the report's folder."""
    commands: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """What later steps need to know."""

    @property
    def has_ended(self) -> bool:
        """Whether the step need not run again when the report is resumed."""
        return self.status in (PASSED, FAULTY)

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict == FAULT]

    @property
    def in_words(self) -> str:
        """The number of findings of each verdict, and why the step could not go on."""
        verdicts = [finding.verdict for finding in self.findings]
        counts = {verdict: verdicts.count(verdict) for verdict in (OK, FAULT, SEEN, NEEDS_GPU)}
        words = [f"{count} {verdict}" for verdict, count in counts.items() if count]
        return ", ".join([*words, self.reason] if self.reason else words)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Outcome:
        """Return the outcome of which ``stored`` is :meth:`as_json`."""
        parts = {
            "findings": [Finding(**one) for one in stored["findings"]],
            "tables": [Table(**one) for one in stored["tables"]],
        }
        return cls(**{**stored, **parts})
