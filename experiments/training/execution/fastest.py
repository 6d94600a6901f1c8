"""Finding the fastest execution by trying each for a few steps."""

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
"""The number of blocks that are measured of each candidate."""
BLOCK_SECONDS = 0.25
"""The approximate length of a block of steps, which is at most one epoch."""
SOME = 16
"""The number of steps in the call that separates the cost of a step from the cost of a call."""
HOPELESS = 3
"""A candidate whose epoch seems this many times as long as another's is not measured further."""


def fastest(kinds: Sequence[type[Execution]], task: Task) -> ExecutionChoice:
    """Return the fastest of ``kinds``. No variable changes.

    A candidate that fails is left out, with the reason. Its first call cannot be interrupted while it compiles in C++.
    Raises Refused if all fail.
    """
    trials = [Trial(kind, task) for kind in kinds]
    with task.state.kept():
        best = math.inf
        for trial in trials:
            trial.begin(best)
            best = min(best, trial.expected_seconds)
        for _ in range(ROUNDS):  # in turns, so that a slow moment of the machine hits all
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
    """The trial of one candidate."""

    def __init__(self, kind: type[Execution], task: Task) -> None:
        self.name = kind.name
        self.task = task
        self.kind = kind
        self.execution: Execution | None = None
        self.problem = ""
        self.first_call_seconds = math.nan
        self.call_seconds = 0.0
        """The cost of a call without its steps: high for ``fit``, negligible for one function per epoch."""
        self.step_seconds = math.inf
        self.epoch_seconds: list[float] = []
        """The time of a whole epoch, extrapolated from each block."""

    def begin(self, best_seconds: float) -> None:
        """Make the first call, then estimate the cost of a call and of a step from one step and from several."""
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
        """The time of an epoch, extrapolated from the first few steps."""
        return self.call_seconds + self.step_seconds * self._steps_an_epoch

    def measure(self) -> None:
        """Measure one block of steps, unless the candidate has failed or is hopeless."""
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
        """The result of the trial."""
        rate = len(self.task.x) / statistics.median(self.epoch_seconds) if self.epoch_seconds else math.nan
        return Candidate(self.name, rate, self.first_call_seconds, self.problem)
