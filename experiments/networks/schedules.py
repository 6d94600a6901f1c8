"""How the learning rate changes while a network trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

CONSTANT, COSINE, STEP, PLATEAU = "constant", "cosine", "step", "plateau"

SCHEDULES = (CONSTANT, COSINE, STEP, PLATEAU)
"""The values of ``experiment.optimizer.schedule``."""


def decaying(rate: float, schedule: str, steps: int, milestones: Sequence[float], factor: float) -> Any:
    """Return the learning rate over ``steps`` steps, which begins at ``rate``: a number, or a schedule of Keras.

    ``cosine`` ends at 0 (I. Loshchilov, F. Hutter, SGDR, ICLR 2017, without restarts). ``step`` multiplies by
    ``factor`` at each of the ``milestones``, which are shares of the steps (K. He et al., CVPR 2016). ``plateau`` is
    constant here: what lowers it is the validation, see :func:`cuts`.
    """
    from keras.optimizers.schedules import CosineDecay, PiecewiseConstantDecay

    if schedule == COSINE:
        return CosineDecay(rate, max(steps, 1))
    if schedule == STEP:
        ends = [round(share * steps) - 1 for share in milestones]  # each value's last step; steps count from 0
        return PiecewiseConstantDecay(ends, [rate * factor**number for number in range(len(ends) + 1)])
    return rate


def warming_up(decay: Any, steps: int) -> Any:
    """Return a schedule that rises evenly over the first ``steps`` steps, and then follows ``decay``.

    The first step has the 1 / ``steps``-th part of the rate at which ``decay`` begins.
    """
    from keras import ops
    from keras.optimizers.schedules import LearningRateSchedule

    class WarmUp(LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
        def __call__(self, step: Any) -> Any:
            step = ops.cast(step, "float32")
            after = ops.maximum(step - steps, 0.0)
            rate = decay(after) if callable(decay) else decay
            return rate * ops.minimum((step + 1) / steps, 1.0)

    return WarmUp()


def cuts(losses: Sequence[float], patience: int) -> int:
    """Return how often ``plateau`` has lowered the rate: whenever ``patience`` epochs brought no lower validation loss.

    After a cut the count begins anew. As Keras' ``ReduceLROnPlateau``, but for its smallest change that counts.
    """
    lowest, waited, count = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == patience:
            waited, count = 0, count + 1
    return count
