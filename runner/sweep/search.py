"""A search: Optuna proposes trials, a function runs them, Optuna hears their values.

The study is kept in a database, so that a search that was cut short can go on.
"""

from __future__ import annotations

import json
import math
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import optuna
from filelock import FileLock
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from experiments.reporting.ranking import least, most
from experiments.reporting.text import first_line
from runner.config.sweep_settings import Objective
from runner.errors import StoreError, UserError
from runner.sweep.space import Space
from runner.sweep.trial_pruner import TrialPruner
from runner.tracking import tags
from runner.tracking.orphans import is_alive, owner_tags

SAMPLERS = ("tpe", "random", "cmaes")

PRUNERS = ("none", "median", "hyperband")

QUESTION = "runner.question"
"""The attribute of a study that says what is searched."""

OWNER = "runner.owner"
"""The attribute of a trial that says which process runs it."""

Told = Sequence[float] | TrialState
"""The value of each metric of a trial, or FAIL or PRUNED."""

Evaluate = Callable[[list[list[str]], int], Sequence[Told]]
"""Runs a batch of command lines, given the number of the first one; returns what they found."""


@dataclass(frozen=True)
class Search:
    """A search for the values in ``space`` that are best in the objectives."""

    space: Space
    objectives: Sequence[Objective]
    storage: str
    """The address of a database, such as ``sqlite:////data/optuna.db``."""
    study_name: str
    n_trials: int
    """The number of trials in all: those of a resumed study count, failed ones included."""
    n_jobs: int = 1
    """How many trials run side by side."""
    sampler: str = "tpe"
    seed: int | None = None
    pruner: str = "none"
    min_steps: int = 1
    """No trial is pruned before so many steps."""

    def __post_init__(self) -> None:
        """Raises UserError."""
        _require_count("hydra.sweeper.n_trials", self.n_trials)
        _require_count("hydra.sweeper.n_jobs", self.n_jobs)
        _require_one_of("hydra.sweeper.sampler", self.sampler, SAMPLERS)
        _require_one_of("hydra.sweeper.pruner", self.pruner, PRUNERS)
        _require_count("hydra.sweeper.min_steps", self.min_steps)
        if self.seed is not None and not isinstance(self.seed, int):
            raise UserError(f"hydra.sweeper.seed: {self.seed!r} is not a whole number; give one, or null")
        self._require_one_objective()
        if self.sampler == "cmaes" and not find_spec("cmaes"):
            raise UserError("hydra.sweeper.sampler=cmaes: this needs a package more; pip install cmaes, or take tpe")

    def _require_one_objective(self) -> None:
        """Raise UserError if several metrics are searched by what can only do one."""
        if len(self.objectives) == 1:
            return
        if self.pruner != "none":
            raise UserError(
                f"hydra.sweeper.pruner={self.pruner}: with several metrics nobody can say which trial is hopeless; "
                "name one in sweep.metric, or leave the pruner out"
            )
        if self.sampler == "cmaes":
            raise UserError("hydra.sweeper.sampler=cmaes: this sampler improves one metric only; take tpe or random")

    @cached_property
    def trial_pruner(self) -> TrialPruner | None:
        """What ends hopeless trials while they run; None if nothing does."""
        if self.pruner == "none":
            return None
        return TrialPruner(self.pruner, self.min_steps, self.objectives[0].metric, self._in_a_sentence)

    def run(self, evaluate: Evaluate, ended: Callable[[], Sequence[Told]] = tuple) -> optuna.Study:
        """Run the trials that the study still lacks. Raises StoreError, UserError, and what ``evaluate`` raises.

        After that ``ended`` says what the trials of that batch have come to; nothing if they were not begun.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = self._open()
        while trials := self._ask(study):
            batch = [self.space.overrides(trial.params) for trial in trials]
            first = trials[0].number
            if self.trial_pruner:
                self.trial_pruner.trials = {first + place: trial for place, trial in enumerate(trials)}
            try:
                found = evaluate(batch, first)
            except BaseException:  # a signal, say: a search that goes on counts what has ended
                with suppress(StoreError):  # the first error may name what was saved, and no second one hides it
                    if come_to := ended():
                        self._tell(study, trials, come_to)
                raise
            self._tell(study, trials, found)
        return study

    def _open(self) -> optuna.Study:
        with self._in_a_sentence():
            study = optuna.create_study(
                storage=_database(self.storage),
                study_name=self.study_name,
                directions=[StudyDirection[one.direction.upper()] for one in self.objectives],
                load_if_exists=True,
            )
            self._require_same_question(study)
            _fail_abandoned(study)
            study.sampler = self._sampler(len(study.get_trials(deepcopy=False)))
            return study

    def _ask(self, study: optuna.Study) -> list[Trial]:
        """Ask for the next batch; it is empty when there are enough trials, whoever runs them."""
        with self._in_a_sentence():
            missing = self.n_trials - len(study.get_trials(deepcopy=False))
            return [self._ask_one(study) for _ in range(min(missing, self.n_jobs))]

    def _ask_one(self, study: optuna.Study) -> Trial:
        trial = study.ask(fixed_distributions=dict(self.space.searched))
        for space in self.space.chosen(trial.params):
            for key, kind in space.searched.items():
                _suggest(trial, key, kind)
        trial.set_user_attr(OWNER, owner_tags())
        return trial

    def _tell(self, study: optuna.Study, trials: list[Trial], found: Sequence[Told]) -> None:
        with self._in_a_sentence():
            for trial, told in zip(trials, found, strict=True):
                if isinstance(told, TrialState):
                    study.tell(trial, state=told, skip_if_finished=True)
                else:
                    study.tell(trial, list(told), skip_if_finished=True)

    def _in_a_sentence(self) -> AbstractContextManager[None]:
        return _storage_in_a_sentence(self.storage)

    def _sampler(self, trials: int) -> BaseSampler:
        # A resumed study must not draw the numbers of its first trials again.
        seed = None if self.seed is None else self.seed + trials
        match self.sampler:
            case "random":
                return RandomSampler(seed)
            case "cmaes":
                return CmaEsSampler(seed=seed, warn_independent_sampling=False)
        return TPESampler(seed=seed)

    def _require_same_question(self, study: optuna.Study) -> None:
        """Require that the study was begun with the same metric, direction and keys. Raises UserError."""
        question = self._question()
        known = study.user_attrs.get(QUESTION)
        if known is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(QUESTION, question)
            known = question
        known = known or {}
        if different := sorted(key for key in known.keys() | question.keys() if known.get(key) != question.get(key)):
            raise UserError(
                f"hydra.sweeper.study_name: the study {self.study_name!r} was begun with another "
                f"{', '.join(different)}; take another name, or repeat what it was begun with"
            )

    def _question(self) -> dict[str, object]:
        keys = {key: json.loads(distribution_to_json(kind)) for key, kind in self.space.everything.items()}
        metrics, directions = ([one.metric for one in self.objectives], [one.direction for one in self.objectives])
        return {"sweep.metric": _alone(metrics), "sweep.direction": _alone(directions), **keys}


def _alone(words: Sequence[str]) -> str | list[str]:
    """Return the only word, as studies of one metric have always had it."""
    return words[0] if len(words) == 1 else list(words)


def _suggest(trial: Trial, key: str, kind: BaseDistribution) -> None:
    """Have the study propose a value that only trials with some choice have."""
    match kind:
        case CategoricalDistribution():
            trial.suggest_categorical(key, kind.choices)
        case IntDistribution():
            trial.suggest_int(key, kind.low, kind.high, step=kind.step, log=kind.log)
        case FloatDistribution():
            trial.suggest_float(key, kind.low, kind.high, step=kind.step, log=kind.log)


def known_trials(storage: str, name: str) -> int:
    """Return how many trials a study has; none if it is still to begin. Raises StoreError."""
    with _storage_in_a_sentence(storage):
        studies = {study.study_name: study.n_trials for study in optuna.get_all_study_summaries(_database(storage))}
    return studies.get(name, 0)


def newest_study(storage: str, name: str) -> str | None:
    """The name of the newest study among those called ``name`` and a time. Raises StoreError."""
    with _storage_in_a_sentence(storage):
        names = optuna.get_all_study_names(_database(storage))
    return max((known for known in names if known.startswith(f"{name} ")), default=None)


def best_of(study: optuna.Study) -> list[FrozenTrial]:
    """The best trials: several if they tie, none if all have failed; of several metrics those of the Pareto front."""
    if len(study.directions) > 1:
        return study.best_trials
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    choose = most if study.direction == StudyDirection.MAXIMIZE else least
    return choose(complete, lambda trial: math.nan if trial.value is None else trial.value)


def pruned_of(study: optuna.Study) -> int:
    """Return how many trials were pruned."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)))


def without_password(address: str) -> str:
    """A database's address without its password."""
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", address)


def _database(address: str) -> RDBStorage:
    """Open a database, and create its tables if need be. Searches that start together wait for the first one.

    Without this lock, Optuna lets all but one of them die.
    """
    file = Path(unquote(address.removeprefix("sqlite:///")))
    in_memory = address.startswith("sqlite") and make_url(address).database in (None, "", ":memory:")
    if in_memory or not file.name:
        raise StoreError(f"hydra.sweeper.storage: {address} names no file; give one, such as sqlite:////data/optuna.db")
    is_file = address.startswith("sqlite:///") and file.parent.is_dir()
    with FileLock(file.with_name(f".{file.name}.lock")) if is_file else nullcontext():
        _require_no_runs(address)
        return RDBStorage(address)


def _require_no_runs(address: str) -> None:
    """Raise StoreError if MLflow keeps its runs in a database: both number their schemas in the same table."""
    engine = create_engine(address)
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if "experiments" in tables and "studies" not in tables:
        raise StoreError(
            f"hydra.sweeper.storage: {without_password(address)} is the database of MLflow, which cannot share it with "
            "Optuna; name another, such as sqlite:////data/optuna.db, or leave it out"
        )


@contextmanager
def _storage_in_a_sentence(address: str) -> Iterator[None]:
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, ImportError, OSError) as error:
        problem = first_line(error.__cause__ or error)
        raise StoreError(
            f"hydra.sweeper.storage: cannot use {without_password(address)} ({problem}); "
            "give a database such as sqlite:////data/optuna.db"
        ) from error


def _fail_abandoned(study: optuna.Study) -> None:
    """Fail the trials that a process left behind when it died."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not _has_living_owner(trial):
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _has_living_owner(trial: FrozenTrial) -> bool:
    """Whether the trial's process is alive; one on another machine cannot be seen and counts as alive."""
    owner = trial.user_attrs.get(OWNER)
    if owner is None:  # the process died before it could sign the trial
        return False
    return owner[tags.HOST] != socket.gethostname() or is_alive(owner[tags.PROCESS])


def _require_count(key: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{key}: {value!r} is not a whole number above 0")


def _require_one_of(key: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UserError(f"{key}: {value!r} is not one of {', '.join(choices)}")
