"""The results of a sweep's jobs, read from the store: those of this command and of the ones it resumes."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from experiments.job_result import JobResult, TableReader
from runner.config.question import asked, question_in
from runner.config.run_name import words_of
from runner.execution.job import Job
from runner.tracking import tags
from runner.tracking.artifacts import read_text
from runner.tracking.last_metrics import finite_metrics

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class Children:
    """The runs of a sweep that count."""

    runs: Sequence[Run]
    """One for each job, in the order of the jobs."""
    further: Sequence[Run]
    """Those that measured further what one of :attr:`runs` had left open."""

    @classmethod
    def of(cls, runs: Iterable[Run], jobs: Sequence[Job]) -> Children:
        """Sort the runs of a sweep, which are in the order of their start; for ``jobs`` see :func:`lasting`."""
        everything = list(runs)
        own = lasting([run for run in everything if tags.REFINES not in run.data.tags], jobs)
        refined = {run.data.tags.get(tags.FINGERPRINT) for run in own}
        return cls(own, lasting([run for run in everything if run.data.tags.get(tags.REFINES) in refined], ()))

    def results(self, tracking_uri: str) -> list[JobResult]:
        """The jobs as experiments see them. ``tracking_uri`` tells where to ask for their artifacts."""
        return [
            _joined([result, *job_results(self._further_of(run), tracking_uri)])
            for result, run in zip(job_results(self.runs, tracking_uri), self.runs, strict=True)
        ]

    def _further_of(self, run: Run) -> list[Run]:
        own = run.data.tags.get(tags.FINGERPRINT)
        return [one for one in self.further if one.data.tags[tags.REFINES] == own and one.info.status == "FINISHED"]


SAMPLES = "samples"
"""The table in which each row names its process."""


def lasting(runs: Iterable[Run], jobs: Sequence[Job]) -> list[Run]:
    """Select the runs that count among those of a sweep, which are in the order of their start.

    A job that was run again counts once. One of ``jobs`` whose config has changed counts only with its present one.
    """
    now = {_key(job.overrides): job.question_hash for job in jobs}
    by_question = defaultdict[str, list["Run"]](list)
    for run in runs:
        question = question_of(run)
        if now.get(_key(_words(run)), question) != question:
            continue
        by_question[question or run.info.run_id].append(run)
    kept = [_lasting_of_one(same) for same in by_question.values()]
    return sorted((run for same in kept for run in same), key=number_of)


def _lasting_of_one(same: Sequence[Run]) -> Sequence[Run]:
    """Select the runs that finished, on any kind of machine, and the last one if it did not.

    What was run again because its code had changed does not count with its former code.
    """
    same = [run for run in same if _code_of(run) == _code_of(same[-1])]
    finished = [run for run in same if run.info.status == "FINISHED"]
    return [*finished, *(run for run in same[-1:] if run.info.status != "FINISHED")]


def _code_of(run: Run) -> tuple[str | None, str | None]:
    """The hash of the run's code, and of the code of what it resumed."""
    return run.data.tags.get(tags.CODE), run.data.tags.get(tags.BEGUN_BY)


def _key(overrides: Sequence[str]) -> tuple[str, ...]:
    """A key that tells a job from the others of its sweep, however the command was written."""
    return tuple(sorted(asked(overrides)))


def number_of(run: Run) -> int:
    """The job's place in the sweep."""
    return int(run.data.tags.get(tags.JOB, 0))


def question_of(run: Run) -> str:
    """The hash of the job's question: the first half of its fingerprint."""
    return question_in(run.data.tags.get(tags.FINGERPRINT, ""))


def experiment_of(run: Run) -> str:
    """The name of the experiment that a run belongs to."""
    return str(run.data.tags.get(tags.EXPERIMENT, ""))


def was_pruned(run: Run) -> bool:
    """Whether a search has ended the run as hopeless."""
    return tags.PRUNED in run.data.tags


def is_over(run: Run) -> bool:
    """Whether nothing is left to do for the run's job: it has finished, or was pruned."""
    return bool(run.info.status == "FINISHED") or was_pruned(run)


def seconds_of(run: Run) -> float:
    """Seconds from the run's creation to its end; 0 while it is running."""
    return float(((run.info.end_time or run.info.start_time) - run.info.start_time) / 1000)


def job_results(runs: Sequence[Run], tracking_uri: str) -> list[JobResult]:
    """The runs as experiments see them. ``tracking_uri`` tells where to ask for their artifacts."""
    overrides = [overrides_of(run) for run in runs]
    swept = _keys_that_differ(overrides)
    return [
        _job_result(run, {key: own.get(key, "") for key in swept}, tracking_uri)
        for run, own in zip(runs, overrides, strict=True)
    ]


def _job_result(run: Run, swept: Mapping[str, str], tracking_uri: str) -> JobResult:
    device = run.data.tags.get("device.actual", "")
    words = words_of([f"{key}={value}" for key, value in swept.items()])
    return JobResult(
        name=" ".join(words) or run.info.run_name,
        status=run.info.status,
        swept=swept,
        config=run.data.params,
        device=device,
        metrics=finite_metrics(run),
        table=_table_reader(run, tracking_uri),
        turns=run.data.tags.get(tags.TURNS, "").split(),
    )


def _words(run: Run) -> list[str]:
    """The job's overrides as they were written."""
    return list(json.loads(run.data.tags.get(tags.OVERRIDES, "[]")))


def overrides_of(run: Run) -> dict[str, str]:
    """The job's overrides as key -> value, without the signs of Hydra's grammar."""
    parts = (word.lstrip("+").partition("=") for word in asked(_words(run)))
    return {key: value for key, _, value in parts}


def _keys_that_differ(overrides: Sequence[Mapping[str, str]]) -> list[str]:
    keys = dict.fromkeys(key for own in overrides for key in own)
    return [key for key in keys if len({own.get(key) for own in overrides}) > 1]


def _table_reader(run: Run, tracking_uri: str) -> TableReader:
    @lru_cache(maxsize=4)
    def read(name: str) -> Sequence[Mapping[str, str]]:
        return list(csv.DictReader(io.StringIO(read_text(run, f"{name}.csv", tracking_uri) or "", newline="")))

    return read


def _joined(results: Sequence[JobResult]) -> JobResult:
    """The first result with the rows of all; processes, which the rows name by their numbers, are counted through."""
    before = [sum(len(result.turns) for result in results[:place]) for place in range(len(results))]

    def read(name: str) -> Sequence[Mapping[str, str]]:
        return [
            {**row, "process": str(int(row.get("process") or 0) + number)} if name == SAMPLES else row
            for result, number in zip(results, before, strict=True)
            for row in result.table(name)
        ]

    return replace(results[0], table=read, turns=[turn for result in results for turn in result.turns])
