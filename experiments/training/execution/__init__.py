"""How a network is trained: by Keras' own loop, or by one compiled function for an epoch.

>>> new_execution("auto", model, optimizer, loss, x, y, 128).run_epoch(order)    # doctest: +SKIP
Epoch(loss=0.31, accuracy=0.91, seconds=0.14)

Knows neither datasets nor models by name: it takes Keras models and optimizers as they are.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from experiments.experiment import Refused
from experiments.training.execution.candidate import Candidate, ExecutionChoice
from experiments.training.execution.execution import Epoch, Execution, Task
from experiments.training.execution.fastest import fastest
from experiments.training.execution.fit import Fit
from experiments.training.execution.inference import Evaluation, evaluate, predict
from experiments.training.execution.replicas import is_replicated, mirrored, replica_devices
from experiments.training.execution.state import State, assign, values_of
from experiments.training.execution.whole_epoch import WholeEpoch, WholeEpochXla

__all__ = [
    "AUTO",
    "EXECUTIONS",
    "Candidate",
    "Choice",
    "Epoch",
    "Evaluation",
    "Execution",
    "State",
    "assign",
    "choose",
    "evaluate",
    "mirrored",
    "new_execution",
    "predict",
    "replica_devices",
    "values_of",
]

AUTO = "auto"

KINDS: dict[str, type[Execution]] = {kind.name: kind for kind in (Fit, WholeEpoch, WholeEpochXla)}

EXECUTIONS = (*KINDS, AUTO)
"""What ``experiment.execution`` may be."""

Array = npt.NDArray[Any]


def new_execution(name: str, model: Any, optimizer: Any, loss: Any, x: Array, y: Array, batch_size: int) -> Execution:
    """The execution called ``name``; with ``auto`` the fastest one, see :func:`choose`.

    ``model`` is a built, uncompiled ``keras.Model`` that gives logits (or the regression's values) and stays
    uncompiled; ``optimizer`` a Keras optimizer; ``loss`` a Keras loss that averages over the batch; ``x`` and ``y``
    have one row an example. All variables are afterwards as they were before. Raises Refused where the execution cannot
    train this model.

    Mixed precision is a matter of the model: its layers' dtype policy (``mixed_bfloat16``, ``mixed_float16``) holds in
    every execution. With ``mixed_float16`` hand in a ``keras.optimizers.LossScaleOptimizer``; it is not wrapped here.

    A model on several devices (built within the scope of :func:`mirrored`) is trained by ``fit`` alone: ``auto``
    takes it, and the other names raise Refused. ``batch_size`` is then that of all devices together.
    """
    if name == AUTO:
        return choose(model, optimizer, loss, x, y, batch_size).execution
    if name != Fit.name and is_replicated(model):
        raise Refused(f"execution={name} trains on one device; on several, choose execution=fit or execution=auto")
    return KINDS[name](Task(model, optimizer, loss, x, y, batch_size))


def choose(model: Any, optimizer: Any, loss: Any, x: Array, y: Array, batch_size: int) -> ExecutionChoice:
    """The fastest execution for this training, and how fast each is; operands as in :func:`new_execution`.

    Each trains for a few steps, which are then taken back. Raises Refused if none can train this model.
    """
    kinds = [Fit] if is_replicated(model) else list(KINDS.values())
    return fastest(kinds, Task(model, optimizer, loss, x, y, batch_size))
