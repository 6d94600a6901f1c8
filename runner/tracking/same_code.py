"""Which earlier runs may stand for one that this code would make: those that the same code has made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from experiments.reporting.text import listed
from runner.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run

FORCE = "sweep.accept_other_code=true"

UNKNOWN = "unknown"
"""The code of a run that was made before runs kept it."""


class SameCode:
    """Takes runs of one code, and remembers those that it did not take and those that it took all the same."""

    def __init__(self, code: str, accepts_other: bool = False) -> None:
        """``code`` is the hash of the present code; ``accepts_other`` takes all."""
        self._code, self._accepts_other = code, accepts_other
        self._left: dict[str, Run] = {}
        self.others: list[str] = []
        """The hashes of the other code that has made, in part at least, the runs that were taken; UNKNOWN for none."""

    def accepts(self, tagged: Mapping[str, str]) -> bool:
        """Return whether a run with these tags may be taken over."""
        return self._accepts_other or not other_code(tagged, self._code)

    def takes(self, run: Run) -> bool:
        """Return whether a run may be taken over, and remember it."""
        if not self.accepts(run.data.tags):
            self._left[run.info.run_id] = run
            return False
        self.others += (code for code in other_code(run.data.tags, self._code) if code not in self.others)
        return True

    def remarks(self, what: str) -> list[str]:
        """Say how many runs were not reused, and why. ``what`` names the part. Empty list for no runs."""
        return on_left([run.data.tags for run in self._left.values()], what)

    def begun_with(self, what: str) -> dict[str, list[str]]:
        """Return the hashes of the other code that was reused, by ``what``, which names the part. Empty for none."""
        return {what: self.others} if self.others else {}


def other_code(tagged: Mapping[str, str], present: str) -> list[str]:
    """Return the hashes of the code beside ``present`` that has made a run with these tags, or what it began with."""
    code = tagged.get(tags.CODE, UNKNOWN)
    return [*([code] if code != present else []), *tagged.get(tags.BEGUN_BY, "").split()]


def on_begun(begun: Mapping[str, Sequence[str]]) -> str:
    """Return a sentence on what a run has taken over from other code."""
    parts = [f"{what} ({', '.join(codes)})" for what, codes in begun.items()]
    return f"**Goes on with what other code has made, as accepted:** {listed(parts)}."


def on_left(runs: Sequence[Mapping[str, str]], what: str) -> list[str]:
    """Say how many runs were not reused, and why.

    ``runs`` are their tags; ``what`` names the part. Empty list for no runs.
    """
    unknown = sum(tags.CODE not in tagged for tagged in runs)
    reasons = [
        *([f"{len(runs) - unknown} by other code"] if unknown < len(runs) else []),
        *([f"{unknown} before runs kept their code, so that nobody can know"] if unknown else []),
    ]
    if not reasons:
        return []
    return [
        f"not taken over: {what} of {len(runs)} run(s), made {' and '.join(reasons)}; {FORCE} takes it all the same"
    ]
