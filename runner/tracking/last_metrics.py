"""The last values of a stored run's metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run


def last_metrics(run: Run) -> dict[str, float]:
    """Return each metric's last value; NaN for one that is NaN or infinite.

    The store keeps only finite values and has an earlier one in its place, which must not count.
    """
    stored: dict[str, float] = run.data.metrics
    return stored | dict.fromkeys(run.data.tags.get(tags.NOT_FINITE, "").splitlines(), math.nan)


def finite_metrics(run: Run) -> dict[str, float]:
    """Return the last value of each metric whose last value is a finite number."""
    return {name: value for name, value in last_metrics(run).items() if math.isfinite(value)}
