"""Ends hopeless trials of a search while they run: Optuna decides, by what the trials before them had found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.trial import Trial

from runner.errors import UserError
from runner.execution.job import Job
from runner.execution.pruner import Pruned
from runner.messages import Metric, Record


@dataclass
class TrialPruner:
    """The :class:`runner.execution.pruner.Pruner` of a search."""

    rule: str
    """One of ``PRUNERS``, but not none."""
    min_steps: int
    metric: str
    guarded: Callable[[], AbstractContextManager[None]]
    """Returns a context in which the study's database can be used; what goes wrong with it becomes a StoreError."""
    trials: Mapping[int, Trial] = field(default_factory=dict)
    """The trials that run now, by the numbers of their jobs."""

    def require_steps(self, job: Job) -> None:
        """Raise UserError if a job's experiment does not tell the metric step by step."""
        kind = type(job.parts.experiment)
        if self.metric in kind.foretold:
            return
        told = f"take one of {', '.join(kind.foretold)} as sweep.metric, or " if kind.foretold else ""
        raise UserError(
            f"hydra.sweeper.pruner={self.rule}: {kind.name} does not tell {self.metric} step by step, so nothing shows "
            f"early that a trial is hopeless; {told}leave the pruner out"
        )

    def judge(self, job: Job, records: Sequence[Record]) -> Pruned | None:
        name = type(job.parts.experiment).foretold[self.metric]
        values = {one.step: one.value for one in records if isinstance(one, Metric) and one.name == name}
        if not values:
            return None
        steps = job.parts.experiment.most_steps()
        trial, last = self.trials[job.number], max(values)
        with self.guarded():
            for step, value in values.items():
                trial.report(value, step)
            trial.study.pruner = self._pruner(steps)
            if last == steps or not trial.should_prune():  # after the last step there is nothing to save
                return None
        return Pruned(
            last,
            f"pruned at step {last} with {name} = {values[last]:.6g} (hydra.sweeper.pruner={self.rule}); "
            "what was measured is kept",
        )

    def _pruner(self, steps: int | None) -> BasePruner:
        if self.rule == "median":
            return MedianPruner(n_warmup_steps=self.min_steps)
        if steps is None:
            return HyperbandPruner(self.min_steps)
        return HyperbandPruner(min(self.min_steps, steps), steps)
