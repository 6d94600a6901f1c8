"""A study of Optuna: begun, or gone on with if it was begun with the same question."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence

from optuna import Study, create_study
from optuna.distributions import distribution_to_json
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from runner.config.sweep_settings import Objective
from runner.errors import UserError
from runner.sweep.search.space import Space
from runner.sweep.search.storage import StudyStorage
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from runner.tracking.process import is_alive

QUESTION = "runner.question"
"""The attribute of a study that says what is searched."""

OWNER = "runner.owner"
"""The attribute of a trial that says which process runs it."""


FAILED = "runner.failed"
"""The attribute of a trial that has failed by itself: another one in its place would be no luckier."""


def open_study(storage: StudyStorage, name: str, objectives: Sequence[Objective], space: Space) -> Study:
    """Begin a study, or go on with it; trials that a dead process has left in it are failed.

    Raises UserError if it was begun with another question, StoreError, and what ``storage.in_a_sentence`` takes.
    """
    study = create_study(
        storage=storage.open(),
        study_name=name,
        directions=[StudyDirection[one.direction.upper()] for one in objectives],
        load_if_exists=True,
    )
    _require_same_question(study, _question(objectives, space))
    _fail_abandoned(study)
    return study


def sign(trial: Trial) -> None:
    """Note that this process runs a trial."""
    trial.set_user_attr(OWNER, owner_tags())


def tell_failure(study: Study, trial: Trial) -> None:
    """Fail a trial of which the job has failed by itself."""
    trial.set_user_attr(FAILED, True)
    study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)


def trials_that_count(study: Study) -> int:
    """Return how many trials there are, without those that were cut short, by a signal or a power cut."""
    trials = study.get_trials(deepcopy=False)
    return sum(trial.state is not TrialState.FAIL or FAILED in trial.user_attrs for trial in trials)


def _question(objectives: Sequence[Objective], space: Space) -> dict[str, object]:
    """What a study searches: metrics, directions, and the values of each key."""
    keys = {key: json.loads(distribution_to_json(kind)) for key, kind in space.everything.items()}
    metrics, directions = ([one.metric for one in objectives], [one.direction for one in objectives])
    return {"sweep.metric": _alone(metrics), "sweep.direction": _alone(directions), **keys}


def _alone(words: Sequence[str]) -> str | list[str]:
    """Return the only word, as studies of one metric have always had it."""
    return words[0] if len(words) == 1 else list(words)


def _require_same_question(study: Study, question: dict[str, object]) -> None:
    """Raise UserError if the study was begun with another metric, direction or key."""
    known = study.user_attrs.get(QUESTION)
    if known is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(QUESTION, question)
        known = question
    known = known or {}
    if different := sorted(key for key in known.keys() | question.keys() if known.get(key) != question.get(key)):
        raise UserError(
            f"hydra.sweeper.study_name: the study {study.study_name!r} was begun with another "
            f"{', '.join(different)}; take another name, or repeat what it was begun with"
        )


def _fail_abandoned(study: Study) -> None:
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
