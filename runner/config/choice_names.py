"""What users call the choices of an experiment, such as its model."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.experiment import Experiment
from runner.config.question import key_of


def name_choices(experiment: Experiment, overrides: Sequence[str]) -> None:
    """Tell each choice of an experiment the user's own name for it, which is that of a YAML file of theirs."""
    for group in experiment.choices:
        words = [override.partition("=")[2].strip("'\"") for override in overrides if key_of(override) == group]
        choice = getattr(experiment, group)
        if words and words[-1] != choice.name:
            object.__setattr__(choice, "called", words[-1])  # a plug-in's dataclass may be frozen
