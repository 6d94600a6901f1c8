"""Measuring block by block beside other processes: after each block, one waits until the others have made theirs.

What disturbs the machine for longer than a few blocks then meets all of them alike, and cancels where they are compared
block by block, as in L. Bulej, V. Horký, P. Tůma, F. Farquet, A. Prokopec, *Duet Benchmarking*, ICPE 2020. Theirs
compute at the same time, each on a core of its own; ours one after the other, begun on the same core: the cores of a
shared machine are disturbed in their own ways.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Hashable
from contextlib import suppress

from experiments.runtime.disturbance import Disturbance, since_start


class Alternation:
    """The turns of this process among those that measure beside it. Alone it never waits."""

    def __init__(self, let_others_go_on: Callable[[float | None], int] | None = None, turn: int = 0) -> None:
        """``let_others_go_on`` returns when this process may go on, with the number of the cycle.

        It is told the place of a visit that is about to begin, and None between two blocks. ``turn`` is the same in all
        of these processes, and another one in the processes that follow them.
        """
        self._let_others_go_on = let_others_go_on
        self._turn = turn
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._core = 0
        """The core of the present visit, among :attr:`_cores`."""
        self.cycle: int | None = None
        """The cycle in which each of these processes makes a block, this one now; None if it is alone."""
        self.elsewhere = Disturbance()
        """What happened on the machine while others had their turns."""

    @property
    def has_company(self) -> bool:
        """Whether other processes may measure beside this one."""
        return self._let_others_go_on is not None

    def place_of(self, key: Hashable) -> float:
        """Return the place of a point among all points of these processes, which is random and the same in all."""
        return random.Random(f"{self._turn} {key}").random()

    def begin_visit(self, place: float) -> None:
        """Wait until the others are about to sample, too; those that begin the visit with the lowest place go first."""
        self._core = self._turn + int(place * 2**20)  # the same in all processes, whatever visits they leave out
        self._wait(place)

    def after_block(self) -> None:
        """Wait until each of the others has made a block."""
        self._wait(None)

    def _wait(self, place: float | None) -> None:
        assert self._let_others_go_on is not None
        before = since_start()
        try:
            self.cycle = self._let_others_go_on(place)
            self._move()
        finally:
            self.elsewhere += since_start() - before

    def _move(self) -> None:
        """Go on on the visit's core. The system may move this thread away again; TensorFlow's own threads stay free."""
        if len(self._cores) > 1:
            with suppress(OSError):  # not everybody may ask for a core
                os.sched_setaffinity(0, {self._cores[self._core % len(self._cores)]})
                os.sched_setaffinity(0, self._cores)


_present = Alternation()


def present() -> Alternation:
    """Return the turns of this process."""
    return _present


def join(alternation: Alternation) -> None:
    """Let this process take these turns from now on."""
    global _present
    _present = alternation
