"""Which jobs of a resumed sweep need not run again: the rule, on as much as a plan knows of runs."""

from __future__ import annotations

from collections.abc import Iterable

from runner.config.sweep_settings import SweepSettings
from runner.sweep.known_runs import KnownRun, by_question
from runner.tracking import tags
from runner.tracking.same_code import SameCode, on_left


class Finished:
    """The finished jobs of a sweep, by the hash of their question."""

    def __init__(self, runs: Iterable[KnownRun], settings: SweepSettings, prunes: bool = False) -> None:
        """``runs`` are those of the sweep's jobs, in the order in which they began.

        In a search that ``prunes``, what it has pruned is finished, too.
        """
        done = ("FINISHED",) if settings.retry_failed else ("FINISHED", "FAILED")
        self._by_question = by_question(
            run for run in runs if run.status in done or (prunes and tags.PRUNED in run.tags)
        )
        self._left: dict[str, KnownRun] = {}
        """The newest run of each job that other code has made."""

    def take(self, question: str, fingerprint: str | None, code: SameCode) -> KnownRun | None:
        """Take out the run of a finished job with this question; None if the job has to run.

        Numbers from another kind of machine are no substitute, so ``fingerprint`` is compared if it is known; nor are
        those that ``code`` does not accept.
        """
        newest_first = reversed(self._by_question.get(question, []))
        left = []
        for run in sorted(newest_first, key=lambda run: run.status != "FINISHED"):
            if fingerprint is not None and run.tags[tags.FINGERPRINT] != fingerprint:
                continue
            if code.accepts(run.tags):
                self._by_question[question].remove(run)
                return run
            left.append(run)
        self._left |= {run.id: run for run in left[:1]}
        return None

    @property
    def of_other_code(self) -> int:
        """The number of runs that were not taken because other code has made them."""
        return len(self._left)

    def remarks(self) -> list[str]:
        """Return a sentence on the finished jobs that were not taken; none if all were."""
        return on_left([run.tags for run in self._left.values()], "the result")
