"""The control groups (version 2) of Linux, by which containers and batch jobs are limited."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def own_groups() -> Sequence[Path]:
    """Return the folders of the groups that this process is in, from its own one up to the root; none elsewhere.

    The limits of each hold for all that is below it: Slurm limits a job's step, not the task in it.
    """
    if not OWN.exists():
        return ()
    own = [ROOT / line[4:] for line in OWN.read_text().splitlines() if line.startswith("0::/")]
    return [group for path in own for group in (path, *path.parents) if group.is_relative_to(ROOT)]
