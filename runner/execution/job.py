"""A job, which is a composed config, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from omegaconf import DictConfig

from runner.config.choice_names import name_choices
from runner.config.question import question, question_hash
from runner.config.run_name import words_of
from runner.config.schema import code_of_joined
from runner.config.validation import Parts, flat, parts
from runner.errors import ExitStatus


@dataclass(frozen=True)
class Job:
    """A config, and the overrides that led to it. Its properties raise UserError if the config is wrong."""

    config: DictConfig
    overrides: Sequence[str]
    number: int = 0
    """The job's place in its sweep."""
    distinct: Sequence[str] = ()
    """The overrides that tell the job from the others of its sweep."""
    flags: Sequence[str] = ()
    """The flags of the command line that its config also depends on."""
    replays: str = ""
    """The id of the stored run whose config it has taken over; empty for none."""
    refines: Job | None = None
    """The job of the same sweep whose measurements this one adds to."""

    @cached_property
    def parts(self) -> Parts:
        """The config as checked objects."""
        found = parts(self.config)
        name_choices(found.experiment, self.overrides)
        return found

    @property
    def title(self) -> str:
        """The distinct overrides in short, or the experiment's name if there are none."""
        return " ".join(words_of(self.distinct)) or self.parts.experiment.name

    @cached_property
    def question(self) -> Mapping[str, Any]:
        """The keys and values that make two jobs the same, see :func:`runner.config.question.question`.

        Of choices from elsewhere the hash of their file is one of them.
        """
        return question(flat(self.config)) | {
            f"experiment.{group}.code": code for group, code in code_of_joined(self.parts.experiment).items()
        }

    @cached_property
    def question_hash(self) -> str:
        return question_hash(self.question, self.parts.experiment.version)


@dataclass(frozen=True)
class JobEnd:
    """The end of a job: its status, and what it has found."""

    status: str
    """FINISHED, FAILED or KILLED, as MLflow calls it."""
    reason: str = ""
    """Why the job did not finish, in a sentence."""
    run_id: str | None = None
    """The job's run; None if the experiment never began and the job belongs to no sweep."""
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each metric."""
    note: str = ""
    """The answer in Markdown."""
    link: str = ""
    """The address of the run in the UI."""
    traceback: str = ""
    """The traceback of a crash, or what TensorFlow printed if it could not be started."""
    exit_status: int = ExitStatus.OK
    """The exit status of ``python -m runner`` if this is its only job."""
    pruned_at: int | None = None
    """The step at which a search has ended the job as hopeless; its status is KILLED then."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do for the job: it has finished, or was pruned."""
        return self.status == "FINISHED" or self.pruned_at is not None

    @property
    def in_a_word(self) -> str:
        return self.status if self.pruned_at is None else "pruned"
