"""One step of a report: run it within its time, whatever happens in it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.bench import Bench, Broken
from benchmarks.gpu.outcome import BROKE, FAULTY, OUT_OF_TIME, PASSED, Outcome
from benchmarks.gpu.processes import OutOfTime

QUICK_PATIENCE = 10
"""With small sizes a step may take so many times its limit: those are for machines that are busy with other things."""


@dataclass(frozen=True)
class Step:
    """A question and how it is looked into."""

    letter: str
    title: str
    seconds: float
    """Its time limit."""
    look: Callable[[Bench], None]
    """Runs what is to be run and notes what it finds in the bench."""

    def run(self, folder: Path, device: str, quick: bool, seconds_left: float) -> Outcome:
        """Return what was found, within the step's limit and ``seconds_left``. An error ends this step alone."""
        outcome = Outcome(self.letter, self.title)
        begin = time.monotonic()
        limit = min(self.seconds * (QUICK_PATIENCE if quick else 1), seconds_left)
        try:
            self.look(Bench(folder, device, quick, outcome, begin + limit))
            outcome.status = FAULTY if outcome.faults else PASSED
        except OutOfTime:
            outcome.status, outcome.reason = OUT_OF_TIME, f"ended after {limit:.0f} s"
        except Broken as broken:
            outcome.status, outcome.reason = BROKE, str(broken)
        except Exception as error:  # a step of which we did not think must not cost the others the card
            outcome.status, outcome.reason = BROKE, f"{type(error).__name__}: {error}"
            (folder / "logs").mkdir(exist_ok=True)
            (folder / "logs" / f"{self.letter}.traceback").write_text(traceback.format_exc())
        outcome.seconds = time.monotonic() - begin
        return outcome
