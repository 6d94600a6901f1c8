"""Two runs from the store, or two sweeps job by job, as they can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from experiments.job_result import JobResult
from experiments.measure.between import geometric_mean
from experiments.measure.log_ratio import Drift, drift_between, took_turns
from experiments.runtime.disturbance import MUCH
from experiments.series.disturbances import OTHERS
from experiments.series.levels import Key, Levels, levels_of
from experiments.series.two_runs import TwoRuns
from runner.config.words import value_of
from runner.errors import UserError
from runner.sweep.job_results import Children, job_results, overrides_of
from runner.tracking import tags
from runner.tracking.find_run import SHORT_ID, find_run, search, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_OTHERS = 20
"""Of so many other runs of a question the times are read, the newest ones."""


@dataclass(frozen=True)
class StoredRun:
    """A run, and what it found."""

    run: Run
    result: JobResult

    @cached_property
    def levels(self) -> Levels:
        return levels_of(self.result.table("samples"))

    @property
    def command(self) -> str:
        """The run of the command that it belongs to: its sweep, or itself."""
        return str(self.run.data.tags.get(tags.PARENT, self.run.info.run_id))

    @property
    def question(self) -> str:
        return str(self.run.data.tags.get(tags.FINGERPRINT, ""))


@dataclass(frozen=True)
class StoredPair:
    """Two runs that are compared, A and B."""

    name: str
    """The swept values that both have; empty if the two were named themselves."""
    first: StoredRun
    second: StoredRun

    @property
    def took_turns(self) -> bool:
        """Whether their processes took turns, so that the drift of the machine need not be known."""
        return took_turns(self.first.result.turns, self.second.result.turns)

    @property
    def on_one_machine(self) -> bool:
        return _same_tag(self.first.run, self.second.run, tags.HOST)


def stored_pairs(client: MlflowClient, first: str, second: str) -> tuple[Run, Run, list[StoredPair]]:
    """Return the two runs that are named, and what can be compared of them: themselves, or their jobs in pairs.

    Raises UserError if they cannot be compared, and StoreError.
    """
    runs = tuple(find_run(client, word) for word in (first, second))
    first, second = shown(first), shown(second)
    a, b = runs
    if a.info.run_id == b.info.run_id:
        raise UserError(f"{first} and {second} are the same run, {a.info.run_id[:SHORT_ID]}")
    for word, run in zip((first, second), runs, strict=True):
        if run.info.status == "RUNNING":
            raise UserError(f"{word}: this run is still going on; wait for its end")
    is_sweep = [tags.KEY in run.data.tags for run in runs]
    if is_sweep[0] != is_sweep[1]:
        sweep, other = (first, second) if is_sweep[0] else (second, first)
        raise UserError(f"{sweep} is a sweep, {other} is a single run; name one of the sweep's jobs instead")
    pairs = _jobs_in_pairs(client, a, b) if is_sweep[0] else [StoredPair("", *_stored(client, [a, b]))]
    for pair in pairs:
        kinds = [one.run.data.tags.get(tags.EXPERIMENT, "?") for one in (pair.first, pair.second)]
        if kinds[0] != kinds[1]:
            raise UserError(f"{first} is a run of {kinds[0]}, {second} one of {kinds[1]}; name two of one experiment")
    return a, b, pairs


def as_two_runs(client: MlflowClient, pair: StoredPair) -> TwoRuns:
    """Return what was timed by both, with what the store knows of the drift between them. Raises StoreError."""
    drifts = {} if pair.took_turns or not pair.on_one_machine else _drifts(client, pair)
    busy = max(one.result.metrics.get(OTHERS, 0.0) for one in (pair.first, pair.second))
    levels = (pair.first.levels, pair.second.levels)
    turns = (pair.first.result.turns, pair.second.result.turns)
    return TwoRuns(pair.name, *levels, turns, drifts, busy if busy > MUCH else 0.0)


def _jobs_in_pairs(client: MlflowClient, a: Run, b: Run) -> list[StoredPair]:
    first, second = (_jobs(client, run) for run in (a, b))
    keys = sorted({key for one in (*first, *second) for key in one.result.swept})
    partners = {_values(one, keys): one for one in second}
    pairs = [
        StoredPair(one.result.name, one, partners[values])
        for one in first
        if (values := _values(one, keys)) in partners
    ]
    if not pairs:
        swept = ", ".join(keys) or "nothing"
        raise UserError(f"the two sweeps have no job in common (they sweep over {swept}); name two of their jobs")
    return pairs


def _jobs(client: MlflowClient, sweep: Run) -> list[StoredRun]:
    """Return the jobs of a sweep that finished."""
    newest_first = list(search(client, f"tags.`{tags.PARENT}` = '{sweep.info.run_id}'"))
    children = Children.of(newest_first[::-1], ())
    jobs = zip(children.runs, children.results(client.tracking_uri), strict=True)
    return [StoredRun(run, result) for run, result in jobs if run.info.status == "FINISHED"]


def _values(one: StoredRun, keys: Sequence[str]) -> tuple[object, ...]:
    """The job's value of each swept key: from its overrides, else from its config."""
    known = {tags.EXPERIMENT: one.run.data.tags.get(tags.EXPERIMENT, ""), **one.result.config}
    own = overrides_of(one.run)
    return tuple(value_of(own.get(key) or str(known.get(_parameter(key, known), ""))) for key in keys)


def _parameter(key: str, known: Mapping[str, object]) -> str:
    """Return the parameter of a key; that of a group, such as ``device`` or ``model``, has the name of its choice."""
    return next((name for name in (key, f"experiment.{key}", f"{key}.kind") if name in known), key)


def _stored(client: MlflowClient, runs: Sequence[Run]) -> list[StoredRun]:
    results = job_results(runs, client.tracking_uri)
    return [StoredRun(run, result) for run, result in zip(runs, results, strict=True)]


def _drifts(client: MlflowClient, pair: StoredPair) -> Mapping[Key, Drift]:
    """Return the drift of each key between other runs of the same questions on this machine, where it is known."""
    questions = {one.question: one for one in (pair.first, pair.second)}
    histories = [list(_history(client, one, pair)) for one in questions.values()]
    found = {}
    for key in pair.first.levels.seconds:
        times = [[levels.seconds[key] for levels in of_one if key in levels.seconds] for of_one in histories]
        drift = drift_between([[geometric_mean(list(levels.values())) for levels in of_one] for of_one in times])
        if drift:
            found[key] = drift
    return found


def _history(client: MlflowClient, one: StoredRun, pair: StoredPair) -> Iterator[Levels]:
    """Yield the times of finished runs with the question and on the machine of ``one``, one for each command.

    Those of the two commands that are compared are left out.
    """
    if not one.question:
        return
    same = search(client, f"tags.`{tags.FINGERPRINT}` = '{one.question}' AND attributes.status = 'FINISHED'")
    seen = {pair.first.command, pair.second.command}
    for found in _stored(client, [run for run in same if _same_tag(run, one.run, tags.HOST)]):
        if found.command not in seen and len(seen) < MOST_OTHERS + 2:
            seen.add(found.command)
            yield found.levels


def _same_tag(one: Run, other: Run, tag: str) -> bool:
    return one.data.tags.get(tag) is not None and one.data.tags.get(tag) == other.data.tags.get(tag)
