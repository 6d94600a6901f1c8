"""A warning before anything is measured on a machine where other programs are busy."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import psutil

from experiments.experiment import Experiment
from experiments.measure.timing import timing_of
from experiments.runtime.disturbance import MUCH, since_start


class Neighbours:
    """Watches the other programs of this machine from its creation on, while TensorFlow starts: that costs no time."""

    def __init__(self) -> None:
        self._before = since_start(_cpu_seconds_of_our_own())
        self._is_over = False

    def warn(self, experiment: Experiment, say: Callable[[str], None]) -> None:
        """Say so, once, if they are busy and ``experiment`` measures times."""
        if self._is_over or timing_of(experiment) is None:
            return
        self._is_over = True
        share = (since_start(_cpu_seconds_of_our_own()) - self._before).others_share
        if share > MUCH:
            say(
                f"warning: other programs take {share:.0%} of this machine; what is measured now may take longer for it"
            )


def _cpu_seconds_of_our_own() -> float:
    """Return the CPU time so far of this process and all that it has started."""
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            its = process.cpu_times()
            seconds += its.user + its.system + its.children_user + its.children_system
    return seconds
