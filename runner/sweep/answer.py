"""The answer of a sweep as a whole: summary, effects, comparison, and a note about them."""

from __future__ import annotations

import math
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from experiments.experiment import Experiment
from experiments.job_result import JobResult
from experiments.recorder import Answered, Recorder, Row, Source
from experiments.reporting.markdown import literal
from experiments.reporting.ranking import least, most
from experiments.reporting.text import listed
from experiments.series import disturbances
from experiments.series.comparing import on_turns
from runner.config.sweep_settings import SweepSettings
from runner.execution.job import Job
from runner.execution.recording import RecordBuffer
from runner.messages import Note, Record
from runner.sweep.effects import record_effects
from runner.sweep.job_results import (
    Children,
    experiment_of,
    is_over,
    job_results,
    number_of,
    question_of,
    seconds_of,
    was_pruned,
)
from runner.sweep.other_code import OtherCode
from runner.sweep.pareto import Candidate, record_front
from runner.tracking import tags
from runner.tracking.last_metrics import last_metrics

if TYPE_CHECKING:
    from mlflow.entities import Run

T = TypeVar("T")

MOST_REASONS = 10


class AnswerRecorder(RecordBuffer):
    """A recorder for the parts of an answer, which are written all at once."""

    def __init__(self, folder: str = "") -> None:
        """Put tables and plots into ``folder``, so that those of several experiments do not collide."""
        super().__init__()
        self._folder = folder

    def table(self, name: str, rows: Sequence[Row]) -> None:
        super().table(f"{self._folder}{name}", rows)

    def file(self, path: str, content: bytes) -> None:
        super().file(f"{self._folder}{path}", content)

    def progress(self, task: str, fraction: float, text: str) -> None:
        """Do nothing: no part of an answer takes long."""

    def measured(self) -> None:
        """Do nothing: an answer measures nothing."""

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        return find_out()

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        return find_out()

    def fetch(self, source: str) -> Source:
        raise LookupError(f"an answer is made from what the jobs have left, not from a model ({source})")

    def earlier(self) -> Path | None:
        return None

    def answered(self) -> Answered | None:
        return None

    def handed_on(self) -> Sequence[bytes]:
        return ()

    def hand_on(self, content: bytes) -> None:
        raise LookupError("an answer is made in one process")

    def keep(self, records: Sequence[Record]) -> None:
        """Add the records of another recorder."""
        self._buffer += records

    def take_note(self) -> str:
        """Remove the notes and return the last one: the whole answer has a note of its own."""
        notes = [record.markdown for record in self._buffer if isinstance(record, Note)]
        self._buffer = [record for record in self._buffer if not isinstance(record, Note)]
        return notes[-1] if notes else ""


class SweepAnswer:
    """The answer of a sweep, from the runs of its jobs."""

    def __init__(
        self,
        children: Sequence[Run],
        tracking_uri: str,
        settings: SweepSettings,
        jobs: Sequence[Job] = (),
        not_started: Sequence[Job] = (),
        at_a_time: int = 1,
        left_open: str = "",
    ) -> None:
        """``children`` are the runs of the sweep, ``jobs`` those this command asked for.

        ``not_started`` are the jobs among them without a run. ``at_a_time`` jobs ran side by side, which disturbs
        timings, so the answer says so. ``left_open`` is what a refinement did not find, in Markdown.
        """
        self._children = Children.of(children, jobs)
        self._runs = self._children.runs
        self._asked = {job.question_hash for job in jobs}
        self._tracking_uri = tracking_uri
        self._results = self._children.results(tracking_uri)
        self._left_open = left_open
        self._settings = settings
        self._other_code = OtherCode(jobs, settings.accept_other_code)
        self._not_started = not_started
        self._at_a_time = at_a_time

    @property
    def all_finished(self) -> bool:
        """Whether every job has finished or was pruned, those of the earlier commands of a resumed sweep included.

        A job of an earlier command that was killed does not count: a search does not try it again.
        """
        counting = [run for run in self._runs if run.info.status != "KILLED" or question_of(run) in self._asked]
        return not self._not_started and all(map(is_over, counting))

    def records(self, kinds: Sequence[type[Experiment]]) -> list[Record]:
        """Everything for the parent's run, its note included; ``kinds`` are the experiments that ran."""
        recorder = AnswerRecorder()
        recorder.table("summary", self._summary())
        circumstances = [on_turns(self._results), disturbances.of_jobs(self._results)]
        other_code = self._other_code.remark([result.name for result in self._results], self._runs)
        parts = [self._counts(), other_code, *circumstances, *self._failures(), self._pruned(), self._best(recorder)]
        metrics = [objective.metric for objective in self._settings.objectives]
        for kind in kinds:
            results = [m for m, run in self._pairs() if experiment_of(run) == kind.name]
            own = AnswerRecorder(f"{kind.name}/" if len(kinds) > 1 else "")
            parts += _of_experiment(kind, results, metrics, own)
            recorder.keep(own.rest())
        note = "\n\n".join(part for part in [*parts, self._left_open] if part)
        recorder.file("answer.md", note.encode())
        recorder.note(note)
        for status in ("FINISHED", "FAILED", "KILLED"):
            recorder.metric(f"jobs/{status.lower()}", sum(run.info.status == status for run in self._runs))
        if pruned := sum(map(was_pruned, self._runs)):  # these are KILLED, too
            recorder.metric("jobs/pruned", pruned)
        return recorder.rest()

    def _pairs(self) -> list[tuple[JobResult, Run]]:
        return list(zip(self._results, self._runs, strict=True))

    def _all_pairs(self) -> list[tuple[JobResult, Run]]:
        """The jobs, and after them those that measured further."""
        further = self._children.further
        return [*self._pairs(), *zip(job_results(further, self._tracking_uri), further, strict=True)]

    def _summary(self) -> list[Row]:
        """One row for each job, and for each that measured further."""
        rows: list[Row] = [
            {
                "job": number_of(run),
                "name": result.name,
                "status": run.info.status,
                "reason": run.data.tags.get(tags.REASON, ""),
                "seconds": seconds_of(run),
                "device.actual": result.device,
                **result.swept,
                **dict(sorted(result.metrics.items())),
                "fingerprint": run.data.tags.get(tags.FINGERPRINT, ""),
                **({"other_code": self._other_code.of(run)} if any(map(self._other_code.of, self._runs)) else {}),
                **({"pruned_at": run.data.tags.get(tags.PRUNED, "")} if any(map(was_pruned, self._runs)) else {}),
                **({"refines": run.data.tags.get(tags.REFINES, "")} if self._children.further else {}),
                "run_id": run.info.run_id,
            }
            for result, run in self._all_pairs()
        ]
        missing: list[Row] = [
            {"job": job.number, "name": job.title, "status": "not started"} for job in self._not_started
        ]
        return [*rows, *missing]

    def _counts(self) -> str:
        counts = Counter("pruned" if was_pruned(run) else run.info.status for run in self._runs)
        words = [f"{count} {status}" for status, count in counts.items()]
        words += [f"{len(self._not_started)} not started"] if self._not_started else []
        total = len(self._runs) + len(self._not_started)
        side_by_side = f", {self._at_a_time} at a time" if self._at_a_time > 1 else ""
        more = len(self._children.further)
        further = f" {more} more measured further sizes where the lead changes." if more else ""
        return f"**{total} job{'s' * (total != 1)}**{side_by_side}: {', '.join(words)}.{further}"

    def _failures(self) -> list[str]:
        """A list of the jobs that did not finish, grouped by reason."""
        by_reason: dict[str, list[str]] = {}
        for result, run in self._all_pairs():
            if not is_over(run):
                reason = f"{run.info.status}: {run.data.tags.get(tags.REASON, 'no reason is known')}"
                by_reason.setdefault(reason, []).append(result.name)
        lines = [f"- {literal(listed(names, 6))} {literal(reason)}" for reason, names in by_reason.items()]
        return ["\n".join([*lines[:MOST_REASONS], *_more_lines(len(lines) - MOST_REASONS)])] if lines else []

    def _pruned(self) -> str:
        """A sentence about the jobs that the search has ended as hopeless, by the step at which it did."""
        by_step: dict[int, list[str]] = {}
        for result, run in self._pairs():
            if was_pruned(run):
                by_step.setdefault(int(run.data.tags[tags.PRUNED]), []).append(result.name)
        steps = [f"at step {step} {literal(listed(by_step[step], 4))}" for step in sorted(by_step)]
        return f"Pruned as hopeless: {'; '.join(steps)}." if steps else ""

    def _best(self, recorder: Recorder) -> str:
        """A sentence about the best job by ``sweep.metric``, or the front of several metrics, if that is set."""
        objectives = self._settings.objectives
        if not objectives:
            return ""
        metrics = [objective.metric for objective in objectives]
        candidates = self._candidates(metrics)
        if not candidates:
            return f"sweep.metric: {self._what_is_lacking(metrics)}."
        if len(objectives) > 1:
            return record_front(candidates, objectives, recorder)
        metric, direction = objectives[0].metric, objectives[0].direction
        choose = least if direction == "minimize" else most
        best = choose(candidates, lambda one: one.values[0])
        names = listed([f"**{literal(one.name)}**" for one in best])
        each = " each" if len(best) > 1 else ""
        return f"Best by {metric} ({direction}): {names} with {best[0].values[0]:z.6g}{each}."

    def _what_is_lacking(self, metrics: Sequence[str]) -> str:
        """Say why no job can be the best."""
        there = {name for run in self._runs if run.info.status == "FINISHED" for name in last_metrics(run)}
        if missing := [metric for metric in metrics if metric not in there]:
            known = f"; they have {literal(listed(sorted(there)))}" if there else ""
            return f"no FINISHED job has a metric {literal(listed(missing))}{known}"
        return f"no FINISHED job has a finite value of {literal(listed(metrics))}"

    def _candidates(self, metrics: Sequence[str]) -> list[Candidate]:
        """The FINISHED jobs that have a finite value of each metric."""
        found = []
        for result, run in self._pairs():
            values = tuple(result.metrics.get(metric, math.nan) for metric in metrics)
            if result.status == "FINISHED" and all(map(math.isfinite, values)):
                found.append(Candidate(number_of(run), result.name, values))
        return found


def _of_experiment(
    kind: type[Experiment], results: Sequence[JobResult], ranking: Sequence[str], recorder: AnswerRecorder
) -> list[str]:
    """The experiment's own comparison, and the effects of the swept keys, on the metrics for ``ranking`` first."""
    if len(results) < 2:
        return []
    try:
        kind.compare(results, recorder)
    except Exception:  # an experiment may be anybody's code; the rest of the answer does not depend on it
        recorder.file("traceback.txt", traceback.format_exc().encode())
        recorder.note(f"The comparison of {kind.name} crashed; traceback.txt says where.")
    everything = sorted({name for result in results for name in result.metrics})
    metrics = dict.fromkeys([*ranking, *(kind.headline or everything)])
    effects = record_effects(results, list(metrics), recorder)
    return [recorder.take_note(), effects]  # the note last: it names the figures that could not be drawn


def _more_lines(count: int) -> list[str]:
    return [f"- and {count} more reasons; summary.csv has all"] if count > 0 else []
