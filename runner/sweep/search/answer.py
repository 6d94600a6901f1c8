"""The sentence at the end of a search."""

from __future__ import annotations

import math

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from experiments.reporting.ranking import least, most
from experiments.reporting.text import listed
from runner.sweep.search.search import Search


def findings(search: Search, study: Study, ran: int) -> str:
    """Return the best trial or trials in a sentence, and the study that has them; ``ran`` trials are new in it."""
    best = best_of(study)
    trials = f"{len(study.get_trials(deepcopy=False))} trials"
    if pruned := _pruned_of(study):
        trials += f", of which {pruned} {'was' if pruned == 1 else 'were'} pruned"
    metrics = listed([objective.metric for objective in search.objectives])
    study_of = f"study '{search.study_name}' in {search.storage}"
    if not ran:
        study_of += "; it was complete: raise hydra.sweeper.n_trials, or begin a new study"
    if not best:
        return f"none of {trials} has a value of {metrics} ({study_of})"
    if len(search.objectives) > 1:
        front = "trial is" if len(best) == 1 else "trials are"
        return f"of {trials}, {len(best)} {front} on the Pareto front of {metrics} ({study_of})"
    chosen = dict.fromkeys(" ".join(search.space.words(trial.params)) for trial in best)
    each = "" if len(chosen) == 1 else " each"
    return f"best of {trials}: {listed(list(chosen), 3)} with {metrics} = {best[0].value:z.6g}{each} ({study_of})"


def best_of(study: Study) -> list[FrozenTrial]:
    """The best trials: several if they tie, none if all have failed; of several metrics those of the Pareto front."""
    if len(study.directions) > 1:
        return study.best_trials
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    choose = most if study.direction == StudyDirection.MAXIMIZE else least
    return choose(complete, lambda trial: math.nan if trial.value is None else trial.value)


def _pruned_of(study: Study) -> int:
    """Return how many trials were pruned."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)))
