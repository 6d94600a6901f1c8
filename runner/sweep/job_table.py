"""The table at the end of a sweep on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from experiments.reporting.markdown import markdown_table
from runner.execution.job import Job, JobEnd

MOST_ROWS, WHY_LENGTH = 30, 60


def job_table(rows: Sequence[tuple[Job, JobEnd | None]]) -> str:
    """Return all jobs as a table, or of many jobs those that did not finish."""
    shown = rows if len(rows) <= MOST_ROWS else [(job, end) for job, end in rows if not end or not end.is_over]
    table = [markdown_table([_cells(job, end) for job, end in shown[:MOST_ROWS]])] if shown else []
    more = len(rows) - len(shown[:MOST_ROWS])
    return "\n\n".join([*table, *([f"{more} more of {len(rows)} jobs are in summary.csv."] if more else [])])


def _cells(job: Job, end: JobEnd | None) -> dict[str, str]:
    return {
        "job": str(job.number),
        "what": job.title,
        "status": end.in_a_word if end else "not started",
        "seconds": f"{end.seconds:.1f}" if end else "",
        "why": shorten(end.reason, WHY_LENGTH, placeholder=" ...") if end else "",
    }
