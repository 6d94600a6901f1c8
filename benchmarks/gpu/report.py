"""The report: ``report.json``, from which it is resumed, and ``report.md``, which is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu.outcome import Outcome
from experiments.reporting.markdown import literal, markdown_table

NAME = "report.json"


class OtherReport(Exception):
    """The folder has something that this report cannot go on from; the message says what."""


class Report:
    """The outcomes of the steps that have been run, in one folder."""

    def __init__(self, folder: Path, device: str, quick: bool) -> None:
        """Open the report in ``folder``, or begin one. Raises OtherReport if the one there asks something else."""
        self.folder, self.device, self.quick = folder, device, quick
        self.outcomes: dict[str, Outcome] = {}
        self.dropped: list[str] = []
        """What the archive does not hold, with sizes."""
        self.begun = datetime.now().astimezone().isoformat(timespec="seconds")
        path = folder / NAME
        if path.exists():
            self._go_on_from(path)
        elif folder.exists() and any(path.name != "logs" for path in folder.iterdir()):
            raise OtherReport(f"{folder} is not empty and has no {NAME}: choose another with --out")

    def _go_on_from(self, path: Path) -> None:
        try:
            stored: dict[str, Any] = json.loads(path.read_text())
            here = (stored["device"], stored["quick"])
            self.outcomes = {letter: Outcome.from_json(one) for letter, one in stored["steps"].items()}
            self.begun = stored["begun"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise OtherReport(f"{path} cannot be read ({error}): choose another folder with --out") from error
        if here != (self.device, self.quick):
            asked = f"device={here[0]}{', quick' * here[1]}"
            raise OtherReport(f"{path} is a report for {asked}: choose another folder with --out")

    def add(self, outcome: Outcome) -> None:
        """Take in what a step has found, and write it down."""
        self.outcomes[outcome.letter] = outcome
        self.write()

    def write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = {letter: one.as_json() for letter, one in sorted(self.outcomes.items())}
        content = {"device": self.device, "quick": self.quick, "begun": self.begun, "steps": steps}
        self._replace(NAME, json.dumps(content | {"dropped": self.dropped}, indent=1))
        self._replace("report.md", "\n\n".join(self._markdown()) + "\n")

    def _replace(self, name: str, text: str) -> None:
        """Write a file whole: whoever ends this in between finds the one of before."""
        new = self.folder / f"{name}.new"
        new.write_text(text)
        os.replace(new, self.folder / name)

    def _markdown(self) -> Iterator[str]:
        outcomes = [one for _, one in sorted(self.outcomes.items())]
        facts = self.outcomes["a"].facts if "a" in self.outcomes else {}
        yield f"# {facts.get('card') or self.device.upper()}, {self.begun[:10]}"
        kind = "small sizes: these times say nothing about the machine" if self.quick else "full sizes"
        yield f"Written by `python -m benchmarks.gpu`, begun {self.begun}, device={self.device}, {kind}."
        if outcomes:
            yield markdown_table([_summary(one) for one in outcomes])
        for outcome in outcomes:
            yield from _section(outcome)
        if self.dropped:
            yield f"Not in the archive, the largest files first: {'; '.join(map(literal, self.dropped))}."


def _summary(outcome: Outcome) -> dict[str, str]:
    return {
        "step": outcome.letter,
        "what": outcome.title,
        "ended": outcome.status,
        "seconds": f"{outcome.seconds:.0f}",
        "found": outcome.in_words,
    }


def _section(outcome: Outcome) -> Iterator[str]:
    yield f"## {outcome.letter}. {outcome.title}"
    yield f"{outcome.status} after {outcome.seconds:.1f} s. {literal(outcome.reason)}".strip()
    if outcome.findings:
        rows: Sequence[dict[str, str]] = [
            {"what": one.what, "seen": one.seen, "verdict": one.verdict} for one in outcome.findings
        ]
        yield markdown_table(rows)
    for table in outcome.tables:
        yield f"### {literal(table.title)}"
        yield markdown_table(table.rows)
    for plot in outcome.plots:
        yield f"![{plot}]({plot})"
    if outcome.commands:
        yield "```\n" + "\n".join(outcome.commands) + "\n```"
