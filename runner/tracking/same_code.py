"""Which earlier runs may stand for one that this code would make: those that the same code has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run

FORCE = "sweep.accept_other_code=true"


class SameCode:
    """Takes runs of one code, and remembers those that it did not take."""

    def __init__(self, code: str, accepts_other: bool = False) -> None:
        """``code`` is the hash of the present code; ``accepts_other`` takes all."""
        self._code, self._accepts_other = code, accepts_other
        self._left: dict[str, Run] = {}

    def takes(self, run: Run) -> bool:
        """Return whether a run may be taken over."""
        if self._accepts_other or run.data.tags.get(tags.CODE) == self._code:
            return True
        self._left[run.info.run_id] = run
        return False

    def remarks(self, what: str) -> list[str]:
        """Return a sentence on ``what`` was not taken over, and how to take it; none if all was."""
        return on_left(list(self._left.values()), what)


def on_left(runs: Sequence[Run], what: str) -> list[str]:
    """Return a sentence on runs whose ``what`` is not taken over; none without any."""
    unknown = sum(tags.CODE not in run.data.tags for run in runs)
    reasons = [
        *([f"{len(runs) - unknown} by other code"] if unknown < len(runs) else []),
        *([f"{unknown} before runs kept their code, so that nobody can know"] if unknown else []),
    ]
    if not reasons:
        return []
    return [
        f"not taken over: {what} of {len(runs)} run(s), made {' and '.join(reasons)}; {FORCE} takes it all the same"
    ]
