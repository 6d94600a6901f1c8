"""Which execution is the fastest here: each is tried for a few steps."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

import numpy as np

from experiments.experiment import Refused
from experiments.reporting.text import first_line
from experiments.training.execution.candidate import Candidate, ExecutionChoice
from experiments.training.execution.execution import Execution, Task

ROUNDS = 3
BLOCK_SECONDS = 0.25
"""A block of steps is about this long, or one epoch."""
SOME = 16
"""Steps that tell what a step costs, beside what a call does."""
HOPELESS = 3
"""A candidate whose epoch seems to take this many times as long as another's is not measured further."""


def fastest(kinds: Sequence[type[Execution]], task: Task) -> ExecutionChoice:
    """The fastest of ``kinds``. The variables are afterwards as before.

    A candidate that fails is left out, with its reason. Its first call cannot be broken off: compiling goes on in C++.
    Raises Refused if all fail.
    """
    trials = [Trial(kind, task) for kind in kinds]
    with task.state.kept():
        best = math.inf
        for trial in trials:
            trial.begin(best)
            best = min(best, trial.expected_seconds)
        for _ in range(ROUNDS):  # taking turns, so that a slow moment of the machine hits all
            for trial in trials:
                trial.measure()
    candidates = tuple(trial.candidate for trial in trials)
    measured = [trial for trial in trials if trial.epoch_seconds]
    if not measured:
        raise Refused("no execution can train this model: " + "; ".join(f"{c.name}: {c.problem}" for c in candidates))
    winner = min(measured, key=lambda trial: statistics.median(trial.epoch_seconds)).execution
    assert winner is not None
    return ExecutionChoice(winner, candidates)


class Trial:
    """One candidate being tried."""

    def __init__(self, kind: type[Execution], task: Task) -> None:
        self.name = kind.name
        self.task = task
        self.kind = kind
        self.execution: Execution | None = None
        self.problem = ""
        self.first_call_seconds = math.nan
        self.call_seconds = 0.0
        """What a call costs beside its steps: much with ``fit``, next to nothing with one function an epoch."""
        self.step_seconds = math.inf
        self.epoch_seconds: list[float] = []
        """Of a whole epoch, worked out from each block."""

    def begin(self, best_seconds: float) -> None:
        """First call, one step, and some: what a step costs, and what a call does."""
        start = time.perf_counter()
        some = min(SOME, self._steps_an_epoch)
        try:
            self.execution = self.kind(self.task)
            self._run(1)
            self.first_call_seconds = time.perf_counter() - start
            one, several = self._run(1), self._run(some)
        except Exception as failure:  # whatever TensorFlow raises, others may do it
            self.problem = f"{type(failure).__name__}: {first_line(failure)}"[:200]
            self.execution = None
            return
        self.step_seconds = max((several - one) / max(some - 1, 1), several / some / 4)
        self.call_seconds = max(one - self.step_seconds, 0.0)
        if self.expected_seconds > HOPELESS * best_seconds:
            self.problem = f"an epoch would take {self.expected_seconds / best_seconds:.1f} times as long as another's"

    @property
    def expected_seconds(self) -> float:
        """Of an epoch, from the first few steps."""
        return self.call_seconds + self.step_seconds * self._steps_an_epoch

    def measure(self) -> None:
        """One block of steps."""
        if not self.problem:
            steps = min(max(round(BLOCK_SECONDS / self.step_seconds), 1), self._steps_an_epoch)
            seconds = max(self._run(steps) - self.call_seconds, 0.0)
            self.epoch_seconds.append(self.call_seconds + seconds / steps * self._steps_an_epoch)

    @property
    def _steps_an_epoch(self) -> int:
        return max(len(self.task.x) // self.task.batch_size, 1)

    def _run(self, steps: int) -> float:
        assert self.execution is not None
        whole = self._steps_an_epoch * self.task.batch_size
        order = np.arange(min(steps * self.task.batch_size, whole, len(self.task.x)))
        return self.execution.run_epoch(order).seconds

    @property
    def candidate(self) -> Candidate:
        rate = len(self.task.x) / statistics.median(self.epoch_seconds) if self.epoch_seconds else math.nan
        return Candidate(self.name, rate, self.first_call_seconds, self.problem)
