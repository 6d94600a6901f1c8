"""Measuring block by block beside other processes: after each block, one waits until the others have made theirs.

What disturbs the machine for longer than a few blocks then meets all of them alike, and cancels where they are compared
block by block, as in L. Bulej, V. Horký, P. Tůma, F. Farquet, A. Prokopec, *Duet Benchmarking*, ICPE 2020. Theirs
compute at the same time, each on a core of its own; ours one after the other, begun on the same core: the cores of a
shared machine are disturbed in their own ways.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from experiments.runtime.disturbance import Disturbance, since_start


class Alternation:
    """The turns of this process among those that measure beside it. Alone it never waits."""

    def __init__(self, let_others_go_on: Callable[[bool], None] | None = None, turn: int = 0) -> None:
        """``let_others_go_on`` returns when this process may go on; it is told whether a visit begins.

        Processes with the same ``turn`` use the same core at the same visit, and others at the next one.
        """
        self._let_others_go_on = let_others_go_on
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._visits = turn
        self.elsewhere = Disturbance()
        """What happened on the machine while others had their turns."""

    @property
    def has_company(self) -> bool:
        """Whether other processes may measure beside this one."""
        return self._let_others_go_on is not None

    def begin_visit(self) -> bool:
        """Wait until the others are about to sample, too; return whether they may have used the machine meanwhile."""
        self._visits += 1
        return self._wait(visit_begins=True)

    def after_block(self) -> bool:
        """Wait until each of the others has made a block; return whether they may have used the machine meanwhile."""
        return self._wait(visit_begins=False)

    def _wait(self, visit_begins: bool) -> bool:
        if self._let_others_go_on is None:
            return False
        before = since_start()
        self._let_others_go_on(visit_begins)
        self._move()
        self.elsewhere += since_start() - before
        return True

    def _move(self) -> None:
        """Go on on the visit's core. The system may move this thread away again; TensorFlow's own threads stay free."""
        if len(self._cores) > 1:
            os.sched_setaffinity(0, {self._cores[self._visits % len(self._cores)]})
            os.sched_setaffinity(0, self._cores)


_present = Alternation()


def present() -> Alternation:
    """Return the turns of this process."""
    return _present


def join(alternation: Alternation) -> None:
    """Let this process take these turns from now on."""
    global _present
    _present = alternation
