"""Makes the jobs of a sweep of their overrides: composed and checked, and nothing started."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from experiments.experiment import Choice
from runner.errors import UserError
from runner.execution.files import require_files
from runner.execution.job import Job
from runner.sweep.checks import require_common, require_no_chain, require_right
from runner.sweep.composition import Composition
from runner.sweep.replays import Replays


class ComposingJobs:
    """What the jobs of one command have in common."""

    def __init__(self, command: Sequence[str], flags: Sequence[str], replays: Replays) -> None:
        """``command`` are the overrides of the command line, ``flags`` the flags that configs depend on."""
        self._command, self._flags, self._replays = command, flags, replays
        self._looked_at: list[Choice] = []
        """The choices whose files have been looked at."""

    def compose(
        self,
        composition: Composition,
        overrides: Sequence[Sequence[str]],
        first_number: int,
        here: bool,
        say: Callable[[int], None] = lambda done: None,
    ) -> Iterator[Job]:
        """Yield one checked job for each list of overrides; ``say`` hears how many are done.

        ``here`` tells whether they run on this machine, whose files can be looked at. Raises UserError.
        """
        if not overrides or not any(overrides):
            raise UserError("this sweep has no jobs: one of its keys has no values")
        common = composition.constant([*self._replays.shared, *self._command])
        jobs = list[Job]()
        for number, words in enumerate(overrides, first_number):
            say(len(jobs))
            distinct = [word for word in words if word not in common]
            replayed = self._replays.run_id_of(words)
            job = Job(composition.compose(words), words, number, distinct, self._flags, replayed)
            require_common(job)
            require_right(job, is_first=not jobs)
            if here:
                require_files(job, self._looked_at)
            jobs.append(job)
            yield job
        if not here:
            require_no_chain(jobs)
