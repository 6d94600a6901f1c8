"""A search: Optuna proposes trials, a function runs them, Optuna hears their values.

The study is kept in a database, so that a search that was cut short can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from runner.config.sweep_settings import Objective
from runner.errors import StoreError, UserError
from runner.sweep.search.pruner import TrialPruner
from runner.sweep.search.space import Space
from runner.sweep.search.storage import StudyStorage
from runner.sweep.search.study import open_study, sign, tell_failure, trials_that_count

SAMPLERS = ("tpe", "random", "cmaes")

PRUNERS = ("none", "median", "hyperband")

Told = Sequence[float] | TrialState
"""The value of each metric of a trial, or FAIL or PRUNED."""

Evaluate = Callable[[list[list[str]], int], Sequence[Told]]
"""Runs a batch of command lines, given the number of the first one; returns what they found."""


@dataclass(frozen=True)
class Search:
    """A search for the values in ``space`` that are best in the objectives."""

    space: Space
    objectives: Sequence[Objective]
    storage: StudyStorage
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
        return TrialPruner(self.pruner, self.min_steps, self.objectives[0].metric, self.storage.in_a_sentence)

    def run(self, evaluate: Evaluate, ended: Callable[[], Sequence[Told]] = tuple) -> optuna.Study:
        """Run the trials that the study still lacks. Raises StoreError, UserError, and what ``evaluate`` raises.

        Where it raises, ``ended`` says what the trials of the batch have come to; nothing if they were not begun.
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
                        self._tell(study, trials, come_to, is_cut_short=True)
                raise
            self._tell(study, trials, found)
        return study

    def _open(self) -> optuna.Study:
        with self.storage.in_a_sentence():
            study = open_study(self.storage, self.study_name, self.objectives, self.space)
            study.sampler = self._sampler(len(study.get_trials(deepcopy=False)))
            return study

    def _ask(self, study: optuna.Study) -> list[Trial]:
        """Ask for the next batch; it is empty when there are enough trials, whoever runs them."""
        with self.storage.in_a_sentence():
            missing = self.n_trials - trials_that_count(study)
            return [self._ask_one(study) for _ in range(min(missing, self.n_jobs))]

    def _ask_one(self, study: optuna.Study) -> Trial:
        trial = study.ask(fixed_distributions=dict(self.space.searched))
        for space in self.space.chosen(trial.params):
            for key, kind in space.searched.items():
                _suggest(trial, key, kind)
        sign(trial)
        return trial

    def _tell(
        self, study: optuna.Study, trials: list[Trial], found: Sequence[Told], is_cut_short: bool = False
    ) -> None:
        with self.storage.in_a_sentence():
            for trial, told in zip(trials, found, strict=True):
                if told is TrialState.FAIL and not is_cut_short:
                    tell_failure(study, trial)
                elif isinstance(told, TrialState):
                    study.tell(trial, state=told, skip_if_finished=True)
                else:
                    study.tell(trial, list(told), skip_if_finished=True)

    def _sampler(self, trials: int) -> BaseSampler:
        # A resumed study must not draw the numbers of its first trials again.
        seed = None if self.seed is None else self.seed + trials
        match self.sampler:
            case "random":
                return RandomSampler(seed)
            case "cmaes":
                return CmaEsSampler(seed=seed, warn_independent_sampling=False)
        return TPESampler(seed=seed)


def _suggest(trial: Trial, key: str, kind: BaseDistribution) -> None:
    """Have the study propose a value that only trials with some choice have."""
    match kind:
        case CategoricalDistribution():
            trial.suggest_categorical(key, kind.choices)
        case IntDistribution():
            trial.suggest_int(key, kind.low, kind.high, step=kind.step, log=kind.log)
        case FloatDistribution():
            trial.suggest_float(key, kind.low, kind.high, step=kind.step, log=kind.log)


def _require_count(key: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{key}: {value!r} is not a whole number above 0")


def _require_one_of(key: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UserError(f"{key}: {value!r} is not one of {', '.join(choices)}")
