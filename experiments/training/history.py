"""The epochs of a training so far."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

BEST_LOSS, BEST_ACCURACY, BEST_RMSE = "best/val_loss", "best/val_accuracy", "best/val_rmse"
"""The metrics of the kept weights on the validation examples."""


@dataclass(frozen=True)
class EpochRow:
    """The results of one epoch; accuracies are None for a regression."""

    epoch: int
    train_loss: float
    train_accuracy: float | None
    val_loss: float
    val_accuracy: float | None
    seconds: float
    examples_per_s: float


@dataclass
class History:
    """The rows of all epochs, which of them is the best, and which loop trained them."""

    execution: str
    """The execution that trains; ``auto`` until one has been chosen."""
    rows: list[EpochRow] = field(default_factory=list)
    best_epoch: int = 0
    """The epoch with the lowest validation loss; 0 if none had a finite one."""
    resumed_after: int = 0
    """The epoch of the checkpoint that the training was resumed from; 0 if it began anew."""
    tried: dict[str, str] = field(default_factory=dict)
    """Execution -> its speed, or why it has none; empty unless ``auto`` has chosen in this run."""
    streaming: str = ""
    """What it costs to read the examples from disk, in a sentence; empty if they are in memory."""

    def add(self, row: EpochRow) -> bool:
        """Append an epoch. Return whether it is the best one so far."""
        lowest = self.rows[self.best_epoch - 1].val_loss if self.best_epoch else math.inf
        is_best = math.isfinite(row.val_loss) and row.val_loss < lowest
        self.rows.append(row)
        if is_best:
            self.best_epoch = row.epoch
        return is_best

    def is_patience_over(self, patience: int | None) -> bool:
        """Return whether the last ``patience`` epochs have brought no better validation loss; False for None."""
        return patience is not None and len(self.rows) - self.best_epoch >= patience

    @property
    def best(self) -> EpochRow | None:
        """The best epoch, whose weights are kept; None if none had a finite validation loss."""
        return self.rows[self.best_epoch - 1] if self.best_epoch else None

    @property
    def examples_per_s(self) -> float | None:
        """Median over the epochs, without the first one where there are others; None before the first epoch."""
        rates = [row.examples_per_s for row in self.rows[1:] or self.rows]
        return statistics.median(rates) if rates else None
