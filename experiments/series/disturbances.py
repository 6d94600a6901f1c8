"""What else happened on the machine during a series, as metrics and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.job_result import JobResult
from experiments.runtime.disturbance import MUCH, Disturbance

OTHERS = "disturbance/others_share"
"""The metric with the share of the machine that other programs took, one value a run."""


def metrics(found: Disturbance) -> dict[str, float]:
    """Return the metrics of a run: what other programs took, if it is known, and the rest if there was any."""
    known = {OTHERS: found.others_share} if math.isfinite(found.others_share) else {}
    rest = {"disturbance/steal_share": found.steal_share, "disturbance/throttled": found.throttled}
    return known | {name: value for name, value in rest.items() if value > 0}


def in_words(found: Disturbance) -> list[str]:
    """A paragraph of a note on what may have made the times longer; none where there was little."""
    words = list[str]()
    if found.others_share > MUCH:
        words.append(f"Other programs took {found.others_share:.0%} of this machine while it measured.")
    if found.steal_share > MUCH:
        words.append(f"The host gave {found.steal_share:.0%} of this virtual machine's processors to others meanwhile.")
    if found.too_hot > 0:
        words.append(f"The processor was slowed down {found.too_hot:.0f} times, since it was too hot.")
    if found.over_quota > 0:
        words.append(f"The container had used up its quota of CPU time {found.over_quota:.0f} times.")
    return [" ".join([*words, "The times may be longer for it."])] if words else []


def of_jobs(jobs: Sequence[JobResult]) -> str:
    """A sentence on the jobs of a sweep beside which other programs were busy; empty where there are none."""
    busy = [share for job in jobs if (share := job.metrics.get(OTHERS, 0.0)) > MUCH]
    if not busy:
        return ""
    return (
        f"Other programs took up to {max(busy):.0%} of the machine beside {len(busy)} of {len(jobs)} jobs: "
        "their times may be longer for it."
    )
