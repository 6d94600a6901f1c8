"""What a sweep says as a whole: summary, effects, comparison, and the words to them."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, TypeVar

from experiments.experiment import Experiment
from experiments.job_result import JobResult
from experiments.recorder import Row, Source
from experiments.reporting.markdown import markdown_table
from runner.config.sweep_settings import SweepSettings
from runner.execution.job import Job, JobEnd
from runner.execution.recording import RecordBuffer
from runner.messages import Note, Record
from runner.sweep.effects import record_effects
from runner.sweep.job_results import job_results, lasting, number_of, question_of, seconds_of
from runner.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run

T = TypeVar("T")

MOST_REASONS, WHY_LENGTH = 10, 60


class AnswerRecorder(RecordBuffer):
    """Takes the answer's parts; they are written all at once."""

    def __init__(self, folder: str = "") -> None:
        """Tables and plots go into ``folder``, so that those of several experiments do not meet."""
        super().__init__()
        self._folder = folder

    def table(self, name: str, rows: Sequence[Row]) -> None:
        super().table(f"{self._folder}{name}", rows)

    def file(self, path: str, content: bytes) -> None:
        super().file(f"{self._folder}{path}", content)

    def progress(self, task: str, fraction: float, text: str) -> None:
        """Nothing is being measured and nothing long goes on."""

    def measured(self) -> None:
        """Nothing ever was."""

    def once(self, name: str, find_out: Callable[[], T]) -> T:
        return find_out()

    def settled(self, name: str, find_out: Callable[[], str]) -> str:
        return find_out()

    def fetch(self, source: str) -> Source:
        raise LookupError(f"an answer is made from what the jobs have left, not from a model ({source})")

    def earlier(self) -> Path | None:
        return None

    def keep(self, records: Sequence[Record]) -> None:
        """Takes what another recorder has taken."""
        self._buffer += records

    def take_note(self) -> str:
        """The last note, which is then no longer among the records: the whole has a note of its own."""
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
    ) -> None:
        """``at_a_time`` jobs went on side by side, which disturbs timings: the answer says so."""
        self._runs = lasting(children, jobs)
        self._asked = {job.question_hash for job in jobs}
        self._results = job_results(self._runs, tracking_uri)
        self._settings = settings
        self._not_started = not_started
        self._at_a_time = at_a_time

    @property
    def all_finished(self) -> bool:
        """Whether every job did, those of earlier commands included that this one has gone on with.

        A search does not try again what was killed, so that does not count.
        """
        counting = [run for run in self._runs if run.info.status != "KILLED" or question_of(run) in self._asked]
        return not self._not_started and all(run.info.status == "FINISHED" for run in counting)

    def records(self, kinds: Sequence[type[Experiment]]) -> list[Record]:
        """Everything for the parent's run; ``kinds`` are the experiments that ran. The last record is the note."""
        recorder = AnswerRecorder()
        recorder.table("summary", self._summary())
        parts = [self._counts(), *self._failures(), self._best()]
        for kind in kinds:
            results = [m for m, run in self._pairs() if run.data.tags.get(tags.EXPERIMENT) == kind.name]
            own = AnswerRecorder(f"{kind.name}/" if len(kinds) > 1 else "")
            parts += _of_experiment(kind, results, self._settings.metric, own)
            recorder.keep(own.rest())
        note = "\n\n".join(part for part in parts if part)
        recorder.file("answer.md", note.encode())
        recorder.note(note)
        for status in ("FINISHED", "FAILED", "KILLED"):
            recorder.metric(f"jobs/{status.lower()}", sum(run.info.status == status for run in self._runs))
        return recorder.rest()

    def _pairs(self) -> list[tuple[JobResult, Run]]:
        return list(zip(self._results, self._runs, strict=True))

    def _summary(self) -> list[Row]:
        """One row a job."""
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
                "run_id": run.info.run_id,
            }
            for result, run in self._pairs()
        ]
        missing: list[Row] = [
            {"job": job.number, "name": job.title, "status": "not started"} for job in self._not_started
        ]
        return [*rows, *missing]

    def _counts(self) -> str:
        counts = Counter(run.info.status for run in self._runs)
        words = [f"{count} {status}" for status, count in counts.items()]
        words += [f"{len(self._not_started)} not started"] if self._not_started else []
        total = len(self._runs) + len(self._not_started)
        side_by_side = f", {self._at_a_time} at a time" if self._at_a_time > 1 else ""
        return f"**{total} job{'s' * (total != 1)}**{side_by_side}: {', '.join(words)}."

    def _failures(self) -> list[str]:
        """The jobs that did not finish, those with the same reason together."""
        by_reason: dict[str, list[str]] = {}
        for result, run in self._pairs():
            if run.info.status != "FINISHED":
                reason = f"{run.info.status}: {run.data.tags.get(tags.REASON, 'no reason is known')}"
                by_reason.setdefault(reason, []).append(result.name)
        lines = [f"- {', '.join(names[:5])}{_more(len(names) - 5)} {reason}" for reason, names in by_reason.items()]
        return ["\n".join([*lines[:MOST_REASONS], *_more_lines(len(lines) - MOST_REASONS)])] if lines else []

    def _best(self) -> str:
        """The best job by ``sweep.metric``."""
        metric = self._settings.metric
        having = [
            result for result in self._results if result.status == "FINISHED" and metric and metric in result.metrics
        ]
        if metric is None:
            return ""
        if not having:
            return f"sweep.metric: no FINISHED job has a metric {metric}."
        choose = min if self._settings.direction == "minimize" else max
        best = choose(having, key=lambda result: result.metrics[metric])
        return f"Best by {metric} ({self._settings.direction}): **{best.name}** with {best.metrics[metric]:.6g}."


def _of_experiment(
    kind: type[Experiment], results: Sequence[JobResult], metric: str | None, recorder: AnswerRecorder
) -> list[str]:
    """What the experiment itself says, and the effects of the swept keys."""
    if len(results) < 2:
        return []
    try:
        kind.compare(results, recorder)
    except Exception:  # it may be anybody's: the rest of the answer does not depend on it
        recorder.file("traceback.txt", traceback.format_exc().encode())
        recorder.note(f"The comparison of {kind.name} crashed; traceback.txt says where.")
    everything = sorted({name for result in results for name in result.metrics})
    metrics = dict.fromkeys([*([metric] if metric else []), *(kind.headline or everything)])
    return [recorder.take_note(), record_effects(results, list(metrics), recorder)]


def job_table(rows: Sequence[tuple[Job, JobEnd | None]]) -> str:
    """The table with which a sweep ends on the terminal."""
    return markdown_table(
        [
            {
                "job": str(job.number),
                "what": job.title,
                "status": end.status if end else "not started",
                "seconds": f"{end.seconds:.1f}" if end else "",
                "why": shorten(end.reason, WHY_LENGTH, placeholder=" ...") if end else "",
            }
            for job, end in rows
        ]
    )


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _more_lines(count: int) -> list[str]:
    return [f"- and {count} more reasons; summary.csv has all"] if count > 0 else []
