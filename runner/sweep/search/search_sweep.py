"""A search as a sweep: its trials are jobs, which Hydra's launcher runs in batches, or hands to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from experiments.reporting.text import listed
from runner.sweep.plan import Plan, SearchSpace
from runner.sweep.search.answer import findings
from runner.sweep.search.outcomes import require_metric, told
from runner.sweep.search.search import Search, Told
from runner.sweep.search.space import in_words


class SearchSweep:
    """Runs the trials of a search as jobs, or plans them."""

    def __init__(self, search: Search, launcher: Any) -> None:
        """``launcher`` is Hydra's; one of this project's knows its ``sweep``, which may be a plan."""
        self._search, self._launcher = search, launcher
        self._sweep = getattr(launcher, "sweep", None)
        self._batches: list[Sequence[JobReturn]] = []

    def run(self) -> list[Sequence[JobReturn]]:
        """Run the search, print what it found, and return the jobs of each batch.

        Raises UserError, also where no job has the metric, StoreError, and KeyboardInterrupt after a signal.
        """
        self._launcher.pruner = self._search.trial_pruner
        if isinstance(self._sweep, Plan):
            self._sweep.search = planned(self._search)
            return [self._launcher.launch(self._search.space.examples(), initial_job_idx=0)]
        if self._sweep:
            self._sweep.is_search = True
        self._launcher.jobs_in_all = self._search.n_trials
        study = self._search.run(self._launch, self._ended)
        print(f"\n{findings(self._search, study, ran=sum(map(len, self._batches)))}")
        return self._batches

    def _launch(self, batch: list[list[str]], first_job: int) -> list[Told]:
        self._batches.append(self._launcher.launch(batch, initial_job_idx=first_job))
        if not any(job.status is JobStatus.COMPLETED for jobs in self._batches for job in jobs):
            require_metric(self._batches[-1])
        return [told(job) for job in self._batches[-1]]

    def _ended(self) -> list[Told]:
        """What the jobs of a batch that was cut short have come to."""
        return [told(job) for job in self._sweep.returned] if self._sweep else []


def planned(search: Search) -> SearchSpace:
    """Return what a search would try, without a change to its database."""
    pruner = f", pruner {search.pruner}" if search.trial_pruner else ""
    aims = listed([str(objective) for objective in search.objectives])
    settings = f"sampler {search.sampler}{pruner}, {search.n_jobs} at a time, {aims}"
    keys = [(key, in_words(kind)) for key, kind in search.space.everything.items()]
    return SearchSpace(search.n_trials, search.storage.trials_of(search.study_name), settings, keys)
