"""One job: a config, composed and checked, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from omegaconf import DictConfig

from runner.config.question import question, question_hash
from runner.config.run_name import words_of
from runner.config.validation import Parts, flat, parts
from runner.errors import ExitStatus


@dataclass(frozen=True)
class Job:
    """A config and what its user wrote to get it. Raises UserError where the config is wrong."""

    config: DictConfig
    overrides: Sequence[str]
    number: int = 0
    """Its place in its sweep."""
    distinct: Sequence[str] = ()
    """The overrides that tell it from the other jobs of its sweep."""

    @cached_property
    def parts(self) -> Parts:
        return parts(self.config)

    @property
    def title(self) -> str:
        """What tells it from the others, in words."""
        return " ".join(words_of(self.distinct)) or self.parts.experiment.name

    @cached_property
    def question(self) -> Mapping[str, Any]:
        """The config without where the answer is kept: what makes two runs the same."""
        return question(flat(self.config))

    @cached_property
    def question_hash(self) -> str:
        return question_hash(self.question, self.parts.experiment.version)


@dataclass(frozen=True)
class JobEnd:
    """What became of a job."""

    status: str
    """FINISHED, FAILED or KILLED, as MLflow calls it."""
    reason: str = ""
    """Why it did not finish, in a sentence."""
    run_id: str | None = None
    """Its run; None where it never began and belongs to no sweep."""
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each metric."""
    note: str = ""
    """The answer in Markdown."""
    link: str = ""
    """Where the run is seen."""
    traceback: str = ""
    """Of a crash; or what TensorFlow printed where it could not be started."""
    exit_status: int = ExitStatus.OK
