"""``hydra.verbose=true``: a file that tells moment by moment what is done, for a bug report."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import mkstemp

from runner import environment
from runner.addresses import without_credentials
from runner.execution.job import Job, JobEnd
from runner.execution.view import View
from runner.messages import Progress, Record

LOG = logging.getLogger("runner")
"""Hydra lets it write everything where ``hydra.verbose`` is true or names it."""


def watched(view: View) -> View:
    """Return a view that also writes the file, if that is asked for, and says where it is."""
    if not LOG.isEnabledFor(logging.DEBUG):
        return view
    found = Watched(view)
    found.say(f"hydra.verbose: what is done is written to {_begin()}")
    return found


class Watched:
    """A view that writes down what it is told before it is shown."""

    def __init__(self, view: View) -> None:
        self._view = view

    def say(self, text: str) -> None:
        _write(text)
        self._view.say(text)

    def started(self, job: Job) -> None:
        _write(f"job {job.number} starts: {' '.join(job.overrides)}")
        self._view.started(job)

    def show(self, job: Job, records: Iterable[Record]) -> None:
        records = list(records)
        counts = Counter(type(record).__name__ for record in records)
        progress = [f"{one.task} {one.fraction:.0%} {one.text}" for one in records if isinstance(one, Progress)]
        _write(f"job {job.number} stored {dict(counts)} {'; '.join(progress)}")
        self._view.show(job, records)

    def ended(self, job: Job, end: JobEnd) -> None:
        _write(
            f"job {job.number} {end.status} after {end.seconds:.3f} s, run {end.run_id} {end.reason}\n{end.traceback}"
        )
        self._view.ended(job, end)


@cache
def _begin() -> Path:
    """Begin the file, once a process, with the machine and the command."""
    number, name = mkstemp(prefix="runner-", suffix=".log")
    os.close(number)
    handler = logging.FileHandler(name, encoding="utf-8", errors="replace")
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    LOG.addHandler(handler)
    LOG.propagate = False
    _write(json.dumps(environment.describe(), indent=2, default=str))
    return Path(name)


def _write(text: str) -> None:
    LOG.debug("%s", without_credentials(text.strip()))
