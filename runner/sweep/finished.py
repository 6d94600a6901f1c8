"""The finished jobs of a resumed sweep, which need not run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.config.sweep_settings import SweepSettings
from runner.errors import UserError
from runner.execution.context import Context
from runner.execution.job import JobEnd
from runner.sweep.job_results import question_of, seconds_of
from runner.sweep.parent import children
from runner.tracking import tags
from runner.tracking.description import words
from runner.tracking.run import end_run
from runner.tracking.same_code import SameCode, on_left

if TYPE_CHECKING:
    from mlflow.entities import Run


class Finished:
    """The finished children of a sweep, by the hash of their question."""

    def __init__(self, by_question: Mapping[str, list[Run]]) -> None:
        self._by_question = by_question
        self._left: dict[str, Run] = {}
        """The newest run of each job that other code has made."""

    @classmethod
    def of(cls, context: Context, parent_id: str, settings: SweepSettings) -> Finished:
        """Read the children of a parent run. Raises UserError if some of its jobs still run."""
        done = {"FINISHED"} if settings.retry_failed else {"FINISHED", "FAILED"}
        by_question = defaultdict[str, list["Run"]](list)
        runs = list(children(context, parent_id))
        _require_none_running([run for run in runs if run.info.status == "RUNNING"], context, settings)
        for run in runs:
            if run.info.status in done:
                by_question[question_of(run)].append(run)
        return cls(by_question)

    def take(self, question: str, fingerprint: str | None, code: SameCode) -> JobEnd | None:
        """Take out the end of a finished job with this question; None if the job has to run.

        Numbers from another kind of machine are no substitute, so ``fingerprint`` is compared if it is known; nor are
        those that ``code`` does not take.
        """
        newest_first = reversed(self._by_question.get(question, []))
        left = []
        for run in sorted(newest_first, key=lambda run: run.info.status != "FINISHED"):
            if fingerprint is not None and run.data.tags[tags.FINGERPRINT] != fingerprint:
                continue
            if code.takes(run):
                self._by_question[question].remove(run)
                return end_of(run)
            left.append(run)
        self._left |= {run.info.run_id: run for run in left[:1]}
        return None

    def remarks(self) -> list[str]:
        """Return a sentence on the finished jobs that were not taken; none if all were."""
        return on_left(list(self._left.values()), "the result")


def _require_none_running(running: Sequence[Run], context: Context, settings: SweepSettings) -> None:
    """Raise UserError for RUNNING jobs unless they may be taken for dead.

    If a process was on this machine and is gone, its run is KILLED by now; of other machines only a person knows.
    """
    if running and not settings.retry_running:
        hosts = sorted({run.data.tags.get(tags.HOST, "?") for run in running})
        raise UserError(
            f"sweep.resume: {len(running)} job(s) of the sweep still go on, on {', '.join(hosts)}; wait for them, "
            "or give sweep.retry_running=true if you know that they are dead"
        )
    for run in running:
        end_run(context.client, run.info.run_id, "KILLED", "taken for dead when the sweep was resumed")


def end_of(run: Run) -> JobEnd:
    """The end of a job as its run tells it."""
    found = run.data.tags
    return JobEnd(
        run.info.status,
        found.get(tags.REASON, ""),
        run.info.run_id,
        seconds_of(run),
        dict(run.data.metrics),
        note=words(found.get(tags.NOTE, "")),
    )
