"""Which execution is the fastest here: each is tried for a few steps."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

import numpy as np

from experiments.experiment import Refused
from experiments.training.execution.candidate import Candidate, Choice
from experiments.training.execution.execution import Execution, Task

ROUNDS = 3
BLOCK_SECONDS = 0.25
"""A block of steps is about this long, or one epoch: Keras' ``fit`` costs something for each call, too."""
HOPELESS = 3
"""A candidate whose second step alone takes this many times as long as another's is not measured further."""


def fastest(kinds: Sequence[type[Execution]], task: Task) -> Choice:
    """The fastest of ``kinds``. The variables are afterwards as before.

    A candidate that fails is left out, with its reason. Its first call cannot be broken off: compiling goes on in C++.
    Raises Refused if all fail.
    """
    trials = [Trial(kind, task) for kind in kinds]
    with task.state.kept():
        best = math.inf
        for trial in trials:
            trial.begin(best)
            best = min(best, trial.step_seconds)
        for _ in range(ROUNDS):  # taking turns, so that a slow moment of the machine hits all
            for trial in trials:
                trial.measure()
    candidates = tuple(trial.candidate for trial in trials)
    measured = [trial for trial in trials if trial.seconds]
    if not measured:
        raise Refused("no execution can train this model: " + "; ".join(f"{c.name}: {c.problem}" for c in candidates))
    winner = min(measured, key=lambda trial: statistics.median(trial.seconds)).execution
    assert winner is not None
    return Choice(winner, candidates)


class Trial:
    """One candidate being tried."""

    def __init__(self, kind: type[Execution], task: Task) -> None:
        self.name = kind.name
        self.task = task
        self.kind = kind
        self.execution: Execution | None = None
        self.problem = ""
        self.first_call_seconds = math.nan
        self.step_seconds = math.inf
        self.seconds: list[float] = []
        """An example each, one a block."""

    def begin(self, best_step_seconds: float) -> None:
        """First call, and one step alone."""
        start = time.perf_counter()
        try:
            self.execution = self.kind(self.task)
            self._run(1)
            self.first_call_seconds = time.perf_counter() - start
            self.step_seconds = self._run(1)
        except Exception as failure:  # whatever TensorFlow raises, others may do it
            self.problem = f"{type(failure).__name__}: {str(failure).strip().splitlines()[0]}"[:200]
            self.execution = None
        if self.step_seconds > HOPELESS * best_step_seconds and not self.problem:
            times = self.step_seconds / best_step_seconds
            self.problem = f"its second step took {times:.1f} times as long as another's"

    def measure(self) -> None:
        """One block of steps."""
        if not self.problem:
            steps = max(round(BLOCK_SECONDS / self.step_seconds), 1)
            examples = min(steps * self.task.batch_size, len(self.task.x))
            self.seconds.append(self._run(steps) / examples)

    def _run(self, steps: int) -> float:
        assert self.execution is not None
        whole = len(self.task.x) // self.task.batch_size * self.task.batch_size or len(self.task.x)
        return self.execution.run_epoch(np.arange(min(steps * self.task.batch_size, whole))).seconds

    @property
    def candidate(self) -> Candidate:
        rate = 1 / statistics.median(self.seconds) if self.seconds else math.nan
        return Candidate(self.name, rate, self.first_call_seconds, self.problem)
