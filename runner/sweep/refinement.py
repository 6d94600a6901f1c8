"""Jobs that measure further what the first ones leave open, such as the sizes at which the lead changes."""

from __future__ import annotations

import copy
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from experiments.experiment import Experiment
from runner.config.question import key_of
from runner.execution.context import Context
from runner.execution.job import Job
from runner.sweep.job_results import Children, experiment_of, question_of
from runner.sweep.parent import children


class Refinement:
    """The further jobs of a sweep, round by round, within ``sweep.refine_seconds``."""

    def __init__(
        self, context: Context, parent_id: str, jobs: Sequence[Job], seconds: float, seconds_a_job: float
    ) -> None:
        """``seconds_a_job`` estimates a job of the first round; 0 if nobody knows. The next rounds take as the last."""
        self._context, self._parent_id, self._jobs, self._seconds = context, parent_id, jobs, seconds
        self._seconds_a_job = seconds_a_job
        self._tried = set[str]()
        """The questions of all rounds: a job that has failed is not run again and again."""
        self.remark = ""
        """What it left open, in Markdown; empty if nothing."""

    def rounds(self) -> Iterator[list[Job]]:
        """Yield the jobs of each round, which have ended when the next one is asked for."""
        begun, last = time.monotonic(), 0.0
        while jobs := self._next():
            left = begun + self._seconds - time.monotonic()
            if left < (last or self._seconds_a_job * len(jobs)):
                self.remark = (
                    f"`sweep.refine_seconds={self._seconds:g}` left open where the lead changes: {len(jobs)} jobs "
                    "had further sizes to measure. A larger value with `sweep.resume=true` goes on."
                )
                return
            self._tried |= {job.question_hash for job in jobs}
            start = time.monotonic()
            yield jobs
            last = time.monotonic() - start

    def _next(self) -> list[Job]:
        try:
            jobs = [job for kind in self._kinds for job in self._wanted_by(kind)]
        except Exception:  # an experiment may be anybody's code; the sweep's jobs have finished
            self.remark = f"No further sizes were looked for:\n\n```\n{traceback.format_exc()}```"
            return []
        return [job for job in jobs if job.question_hash not in self._tried]

    @property
    def _kinds(self) -> list[type[Experiment]]:
        return list(dict.fromkeys(type(job.parts.experiment) for job in self._jobs))

    def _wanted_by(self, kind: type[Experiment]) -> Iterator[Job]:
        """Ask an experiment about its jobs; yield those that it wants."""
        found = Children.of(children(self._context, self._parent_id), self._jobs)
        own = {job.question_hash: job for job in self._jobs}
        members = [
            (result, own[question_of(run)])
            for result, run in zip(found.results(self._context.client.tracking_uri), found.runs, strict=True)
            if experiment_of(run) == kind.name and run.info.status == "FINISHED" and question_of(run) in own
        ]
        wanted = kind.further([result for result, _ in members]) if len(members) > 1 else {}
        first = max(job.number for job in self._jobs) + len(found.further) + 1
        for number, (index, changes) in enumerate(wanted.items(), first):
            yield changed(members[index][1], number, changes)


def changed(job: Job, number: int, changes: Mapping[str, Any]) -> Job:
    """Return a job that asks what ``job`` asks, with some fields of its experiment changed."""
    config = copy.deepcopy(job.config)
    keys = {f"experiment.{field}": value for field, value in changes.items()}
    for key, value in keys.items():
        OmegaConf.update(config, key, value)
    words = [f"{key}={_in_words(value)}" for key, value in keys.items()]
    kept = [word for word in job.overrides if key_of(word) not in keys]
    distinct = [word for word in job.distinct if key_of(word) not in keys]
    return replace(
        job, config=config, overrides=[*kept, *words], number=number, distinct=[*distinct, *words], refines=job
    )


def _in_words(value: Any) -> str:
    return str(value).replace(" ", "")
