"""What a command has come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.reporting.commands import command
from runner.config.question import key_of
from runner.errors import ExitStatus
from runner.tracking.store import Store

RESUME = "sweep.resume"


@dataclass(frozen=True)
class Done:
    """The end of a command that was understood."""

    status: int = ExitStatus.OK
    run_id: str | None = None
    """The run that was made, of a sweep its parent; None where there is none."""
    problems: Sequence[str] = ()
    """What went wrong and how to go on, each in a sentence."""
    traceback: str = ""
    """The traceback of a crash, or what TensorFlow printed if it could not be started."""
    store: Store | None = None
    """Where the run is."""


def going_on(*words: str) -> str:
    """Return the sentence that names the command which goes on with an interrupted one, given its words."""
    others = [word for word in words if key_of(word) != RESUME]
    return f"interrupted; {command(*others, f'{RESUME}=true')} goes on with it"
