"""The files that the choices of a config name are looked at before anything starts."""

from __future__ import annotations

from experiments.experiment import Choice, Experiment, Refused
from runner.errors import UserError


def require_choice_files(experiment: Experiment, seen: list[Choice] | None = None) -> None:
    """Raise UserError for the first choice whose files cannot be used.

    Choices that equal one of ``seen`` are not looked at again; those that are looked at are added to it.
    """
    seen = [] if seen is None else seen
    for group in experiment.choices:
        choice: Choice = getattr(experiment, group)
        if choice not in seen:
            seen.append(choice)
            try:
                choice.check()
            except Refused as error:
                raise UserError(f"experiment.{group}: {error}") from error
