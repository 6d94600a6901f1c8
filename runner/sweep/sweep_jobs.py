"""The jobs of a sweep, and what they have come to."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.config.sweep_settings import SweepSettings
from runner.execution.job import Job, JobEnd
from runner.sweep.job_table import job_table


@dataclass
class SweepJobs:
    """The jobs that a sweep was asked for, filled in while it goes on."""

    asked: list[Job] = field(default_factory=list)
    ends: dict[int, JobEnd] = field(default_factory=dict)
    """By the numbers of the jobs; those that were not started have none."""
    are_cut_short: bool = False
    """Whether a search ended before it could launch all its jobs, or a refinement before its end."""
    left_open: str = ""
    """What the refinement did not find, in Markdown."""
    earlier_finished: bool = True
    """Whether the jobs of the sweep's earlier commands are FINISHED, as far as they count."""

    @property
    def settings(self) -> SweepSettings:
        """The settings of the sweep, which its jobs have in common."""
        return self.asked[0].parts.sweep

    @property
    def not_started(self) -> list[Job]:
        return [job for job in self.asked if job.number not in self.ends]

    @property
    def all_finished(self) -> bool:
        """Whether the sweep is whole, and each job is FINISHED, or was pruned by its search."""
        is_whole = self.earlier_finished and not self.are_cut_short and not self.not_started
        return is_whole and all(self.ends[job.number].is_over for job in self.asked)

    @property
    def table(self) -> str:
        """The jobs in Markdown; of many those that did not finish."""
        return job_table([(job, self.ends.get(job.number)) for job in self.asked])
